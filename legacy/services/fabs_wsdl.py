"""The WSDL 1.1 of FABS (SOAP 1.1, document/literal wrapped), written from its operations."""

from __future__ import annotations

from xml.sax.saxutils import escape

from legacy.services.fabs_operations import NS, OPERATIONS, Argument, SoapOperation


def wsdl(address: str) -> str:
    """The service's description; ``address`` is where it is called."""
    parts = OPERATIONS.values()
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" '
        f'xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:f="{NS}" '
        f'xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{NS}" name="FABS"><types>'
        f'<xs:schema targetNamespace="{NS}" elementFormDefault="qualified">{"".join(map(_types, parts))}</xs:schema>'
        f"</types>{''.join(map(_messages, parts))}"
        f'<portType name="FabsPort">{"".join(map(_port, parts))}</portType>'
        '<binding name="FabsBinding" type="f:FabsPort"><soap:binding style="document" '
        f'transport="http://schemas.xmlsoap.org/soap/http"/>{"".join(map(_binding, parts))}</binding>'
        '<service name="Fabs"><port name="FabsPort" binding="f:FabsBinding">'
        f'<soap:address location="{escape(address, {chr(34): "&quot;"})}"/></port></service></definitions>'
    )


def _types(operation: SoapOperation) -> str:
    arguments = "".join(map(_argument, operation.arguments))
    parts = "".join(f'<xs:element name="{part.name}" type="xs:string" minOccurs="0"/>' for part in operation.parts)
    row = f"<xs:complexType><xs:sequence>{parts}</xs:sequence></xs:complexType>"
    return (
        f'<xs:element name="{operation.name}"><xs:complexType><xs:sequence>{arguments}'
        '<xs:element name="offset" type="xs:int" minOccurs="0"/>'
        '<xs:element name="maxRows" type="xs:int" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>'
        f'<xs:element name="{operation.name}Response"><xs:complexType><xs:sequence>'
        f'<xs:element name="total" type="xs:int"/><xs:element name="{operation.row}" minOccurs="0" '
        f'maxOccurs="unbounded">{row}</xs:element></xs:sequence></xs:complexType></xs:element>'
    )


def _argument(argument: Argument) -> str:
    most = ' maxOccurs="unbounded"' if argument.many else ""
    return f'<xs:element name="{argument.name}" type="xs:string" minOccurs="0"{most}/>'


def _messages(operation: SoapOperation) -> str:
    return (
        f'<message name="{operation.name}In"><part name="parameters" element="f:{operation.name}"/></message>'
        f'<message name="{operation.name}Out"><part name="parameters" element="f:{operation.name}Response"/></message>'
    )


def _port(operation: SoapOperation) -> str:
    name = operation.name
    return f'<operation name="{name}"><input message="f:{name}In"/><output message="f:{name}Out"/></operation>'


def _binding(operation: SoapOperation) -> str:
    return (
        f'<operation name="{operation.name}"><soap:operation soapAction="{NS}:{operation.name}"/>'
        '<input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation>'
    )

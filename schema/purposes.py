"""The words of law a declaration or request may use: W3C DPV purposes and legal bases."""

PURPOSES = (
    "FraudPreventionAndDetection", "PublicPolicyMaking", "ProvideOfficialStatistics", "LegalCompliance",
    "ImprovePublicServices", "PersonnelPayment", "PaymentManagement", "AcademicResearch", "IdentityVerification",
    "PersonnelHiring",
)  # fmt: skip
LEGAL_BASES = ("OfficialAuthorityOfController", "LegalObligation", "PublicInterest", "Consent")

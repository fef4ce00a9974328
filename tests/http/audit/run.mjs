// Runs every server audit of graphql-http against the address given and prints one JSON line a case.
import { serverAudits } from 'graphql-http';

for (const audit of serverAudits({ url: process.argv[2] })) {
  const result = await audit.fn();
  const { id, name, status } = result;
  console.log(JSON.stringify({ id, name, status, reason: status === 'ok' ? null : String(result.reason) }));
}

// A certified OpenID provider for the journey: people sign in with any name, nothing is kept. Prints its issuer when it listens.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const wanted = JSON.parse(process.argv[2]);
let handler = (_, answer) => answer.writeHead(503).end();
const server = createServer((request, answer) => handler(request, answer));
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://localhost:${server.address().port}${wanted.path}`;
const provider = new Provider(issuer, {
  clients: wanted.clients,
  jwks: wanted.jwks,
  subjectTypes: ["public", "pairwise"],
  pairwiseIdentifier: (_, account, client) => `${client.clientId}|${account}`,
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA"] },
  cookies: { keys: ["of-a-test"] },
  conformIdTokenClaims: wanted.conform,
  features: { devInteractions: { enabled: true } },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: id, email: `${id}@example.com`, email_verified: true }),
  }),
});
provider.on("server_error", (_, error) => console.error(error));
handler = provider.callback();
console.log(JSON.stringify({ issuer }));

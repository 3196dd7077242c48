/** Serves npm's oidc-provider: node provider.mjs PORT FILE REDIRECT_URI
 *
 * FILE is JSON and read anew at each use: `people` are claims by subject, `fault` is what is wrong with the next id
 * tokens: `claims` that replace others, `foreign_key` for a signature by somebody else, `algorithm`, `unsigned`. With
 * `thin_id_tokens`, read at the start, they have the subject only, as specified; without, all claims. */
import { readFileSync } from "node:fs";
import { exportJWK, generateKeyPair, importJWK, SignJWT, UnsecuredJWT, decodeJwt } from "jose";
import Provider, { interactionPolicy } from "oidc-provider";

const [port, file, redirect] = process.argv.slice(2);
const wanted = () => JSON.parse(readFileSync(file, "utf8"));
const issuer = `http://localhost:${port}`;

async function makeKey() {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: "signs", alg: "RS256", use: "sig" };
}
const [own, foreign] = await Promise.all([makeKey(), makeKey()]);
const client = {
  client_id: "desk",
  client_secret: "secret-of-the-desk",
  redirect_uris: [redirect],
  application_type: "native", // only to these it sends back at any port of this machine
};
const policy = interactionPolicy.base();
policy.get("consent").checks.remove("native_client_prompt");

const provider = new Provider(issuer, {
  clients: [client],
  jwks: { keys: [own] },
  cookies: { keys: ["signs the provider's cookies"] },
  claims: { openid: ["sub"], profile: ["name", "locale", "groups", "roles"] },
  conformIdTokenClaims: wanted().thin_id_tokens ?? false,
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...wanted().people[sub] }) }),
  // Nobody is asked whether the desk may know their name.
  interactions: { policy },
  async loadExistingGrant(ctx) {
    const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
  renderError(ctx, out) {
    ctx.type = "text";
    ctx.body = JSON.stringify(out);
  },
});

provider.use(async (ctx, next) => {
  await next();
  const { fault } = wanted();
  if (!fault || !ctx.body?.id_token) return;
  const claims = { ...decodeJwt(ctx.body.id_token), ...fault.claims };
  if (fault.unsigned) {
    ctx.body.id_token = new UnsecuredJWT(claims).encode();
    return;
  }
  const alg = fault.algorithm ?? "RS256";
  const shared = new TextEncoder().encode(client.client_secret);
  const key = alg === "HS256" ? shared : await importJWK(fault.foreign_key ? foreign : own);
  ctx.body.id_token = await new SignJWT(claims).setProtectedHeader({ alg, kid: "signs" }).sign(key);
});

provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));

/** Goal: only a token that the provider made, for us, and that still counts, is somebody's. Method: a provider of our own, over HTTP. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { afterAll, beforeAll, expect, it } from "vitest";
import { oidcVerifier } from "../../../src/identity/oidc.ts";
import type { Person } from "../../../src/identity/roles.ts";

let server: Server;
let issuer = "";
const own = await generateKeyPair("ES256");
const other = await generateKeyPair("ES256");
const failures: string[] = [];

beforeAll(async () => {
  const jwk = { ...(await exportJWK(own.publicKey)), kid: "own", alg: "ES256", use: "sig" };
  server = createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    const isKeys = request.url === "/keys";
    response.end(JSON.stringify(isKeys ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/keys` }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => new Promise((resolve) => server.close(resolve)));

const verify = (token: string, audience = "tollgate"): Promise<Person | undefined> =>
  oidcVerifier({
    issuer,
    audience,
    nameClaim: "email",
    rolesClaim: "realm.groups",
    roles: { oncall: "operator", everyone: "viewer" },
    onFailure: (reason) => void failures.push(reason),
  })(token);

const CLAIMS = { email: "alice@example.com", email_verified: true, realm: { groups: ["everyone", "oncall"] } };

interface TokenOptions {
  readonly claims?: JWTPayload;
  readonly expires?: string;
  readonly key?: CryptoKey;
  readonly from?: string;
}

function token({
  claims = CLAIMS,
  expires = "5m",
  key = own.privateKey,
  from = issuer,
}: TokenOptions = {}): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "ES256", kid: "own" })
    .setIssuer(from)
    .setAudience("tollgate")
    .setSubject("1")
    .setIssuedAt()
    .setExpirationTime(expires)
    .sign(key);
}

it("knows a person and the highest role that the groups have", async () => {
  expect(await verify(await token())).toEqual({ name: "alice@example.com", role: "operator" });
});

it("refuses tokens of another key, issuer or audience, expired ones, and ones without a signature", async () => {
  const unsigned = new UnsecuredJWT(CLAIMS).setIssuer(issuer).setAudience("tollgate").setSubject("1");
  const [header = "", , mark = ""] = (await token()).split(".");
  const forged = Buffer.from(JSON.stringify({ ...CLAIMS, iss: issuer, aud: "tollgate", sub: "1" })).toString(
    "base64url",
  );
  const bad: Readonly<Record<string, string>> = {
    "another key": await token({ key: other.privateKey }),
    "another issuer": await token({ from: "https://evil.example" }),
    expired: await token({ expires: "-2m" }),
    unsigned: unsigned.setExpirationTime("5m").encode(),
    "changed claims": `${header}.${forged}.${mark}`,
    "no token": "tgp_whatever",
  };
  for (const [what, text] of Object.entries(bad)) expect(await verify(text), what).toBeUndefined();
  expect(await verify(await token(), "another-service")).toBeUndefined();
  expect(failures).toEqual([]);
});

it("refuses people whose groups mean nothing here, or whose address nobody checked", async () => {
  const without = { ...CLAIMS, realm: { groups: ["constructor", "guests"] } };
  expect(await verify(await token({ claims: without }))).toBeUndefined();
  expect(await verify(await token({ claims: { ...CLAIMS, email_verified: false } }))).toBeUndefined();
  expect(await verify(await token({ claims: { ...CLAIMS, realm: "oncall" } }))).toBeUndefined();
});

it("says when the provider cannot be asked, and lets nobody in then", async () => {
  const away = oidcVerifier({
    issuer: "http://127.0.0.1:1",
    audience: "tollgate",
    nameClaim: "email",
    rolesClaim: "groups",
    roles: { oncall: "admin" },
    onFailure: (reason) => void failures.push(reason),
  });
  expect(await away(await token())).toBeUndefined();
  expect(failures).toHaveLength(1);
});

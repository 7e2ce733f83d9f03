// oidc-provider on a free loopback port: it grants client credentials, and ends with whoever holds its standard input.
//
// Usage: node server.mjs FOLDER, where FOLDER holds `node_modules`. The first line it writes is its issuer.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const AUDIENCE = 'passport-gateway';

const main = join(resolve(process.argv[2]), 'node_modules/oidc-provider/lib/index.js');
const { default: Provider } = await import(pathToFileURL(main));

const key = (id, alg, pair) => ({ ...pair.privateKey.export({ format: 'jwk' }), kid: id, alg, use: 'sig' });

const client = (id, secret, method) => ({
  client_id: id,
  client_secret: secret,
  token_endpoint_auth_method: method,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
});

const configuration = {
  clients: [
    client('form client', 'form & secret=+%/', 'client_secret_post'),
    // A colon, a space and a percent sign are what goes wrong where RFC 6749 §2.3.1 is not followed.
    client('basic:client', 'basic secret:%41+&=', 'client_secret_basic'),
    client('caller', 'caller-secret', 'client_secret_post'),
  ],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
    // A token for this audience is a JWT; any other is opaque.
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: () => ({
        audience: AUDIENCE,
        scope: 'paas.core.accounts.list.get paas.core.breb_payments.list.get',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 300,
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  extraTokenClaims: (_, token) => (token.aud === AUDIENCE ? { tenant: 'acme' } : undefined),
  jwks: {
    keys: [
      key('rsa', 'RS256', generateKeyPairSync('rsa', { modulusLength: 2048 })),
      key('ec', 'ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })),
    ],
  },
  ttl: { ClientCredentials: 600 },
};

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on('request', new Provider(issuer, configuration).callback());
  console.log(issuer);
});

process.stdin.on('end', () => process.exit(0)).resume();

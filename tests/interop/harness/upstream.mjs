// An upstream OpenID provider that is not ours: node oidc-provider, with its own development login pages. The user
// who logs in is the e-mail address that they type, and it is verified unless it starts with "unverified".
//
//   upstream.mjs {"clientId", "clientSecret", "redirectUri"}        prints its issuer when it is ready
import { createServer } from 'node:http'
import Provider from 'oidc-provider'

const { clientId, clientSecret, redirectUri } = JSON.parse(process.argv[2])
const server = createServer()
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${server.address().port}`
const provider = new Provider(issuer, {
  clients: [{
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: [redirectUri],
    response_types: ['code'],
    grant_types: ['authorization_code']
  }, {
    // What Sigstore's own clients are called, for tokens that go straight to the certificate authority.
    client_id: 'sigstore',
    token_endpoint_auth_method: 'none',
    application_type: 'native',
    redirect_uris: ['http://127.0.0.1/callback'],
    response_types: ['code'],
    grant_types: ['authorization_code']
  }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  // A provider that keeps to the letter leaves claims of scopes to userinfo; most of those in the field put them into the ID token.
  conformIdTokenClaims: false,
  cookies: { keys: ['interop'] },
  findAccount: async (_, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, email: id, email_verified: !id.startsWith('unverified') })
  })
})
server.on('request', provider.callback())
console.log(issuer)

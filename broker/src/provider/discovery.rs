//! The discovery document (OpenID Connect Discovery §3, RFC 8414, RFC 9207): only what is
//! supported.

use serde::Serialize;

use super::grant_type::{AUTHORIZATION_CODE, CLIENT_CREDENTIALS, TOKEN_EXCHANGE};
use super::openid_provider::Provider;

#[derive(Serialize)]
struct Discovery<'a> {
    issuer: &'a str,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: String,
    scopes_supported: [&'a str; 3],
    response_types_supported: [&'a str; 1],
    response_modes_supported: [&'a str; 1],
    grant_types_supported: Vec<&'a str>,
    subject_types_supported: [&'a str; 1],
    id_token_signing_alg_values_supported: [&'a str; 1],
    token_endpoint_auth_methods_supported: Vec<&'a str>,
    code_challenge_methods_supported: [&'a str; 1],
    prompt_values_supported: [&'a str; 4],
    claims_supported: [&'a str; 13],
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    authorization_response_iss_parameter_supported: bool,
}

/// How workloads can authenticate: which kinds of SVID some trust domain uses and some listener accepts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct WorkloadMethods {
    /// JWT-SVIDs.
    pub jwt: bool,
    /// X.509-SVIDs over mutual TLS.
    pub x509: bool,
}

impl Provider {
    /// `/.well-known/openid-configuration`.
    pub fn discovery(&self, workloads: WorkloadMethods) -> String {
        let WorkloadMethods { jwt, x509 } = workloads;
        let mut grants = vec![AUTHORIZATION_CODE];
        grants.extend((jwt || x509).then_some(CLIENT_CREDENTIALS));
        grants.extend(jwt.then_some(TOKEN_EXCHANGE));
        let mut methods = vec!["client_secret_basic", "client_secret_post", "none"];
        // draft-ietf-oauth-spiffe-client-auth §4.
        methods.extend(jwt.then_some("spiffe_jwt"));
        methods.extend(x509.then_some("spiffe_x509"));
        let under = |path: &str| format!("{}/{path}", self.issuer);
        let document = Discovery {
            issuer: &self.issuer,
            authorization_endpoint: under("auth"),
            token_endpoint: under("token"),
            jwks_uri: under("keys"),
            userinfo_endpoint: under("userinfo"),
            scopes_supported: ["openid", "email", "profile"],
            response_types_supported: ["code"],
            response_modes_supported: ["query"],
            grant_types_supported: grants,
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: [self.token_key.algorithm().jose_name()],
            token_endpoint_auth_methods_supported: methods,
            code_challenge_methods_supported: ["S256"],
            prompt_values_supported: ["none", "login", "consent", "select_account"],
            claims_supported: [
                "iss",
                "sub",
                "aud",
                "exp",
                "iat",
                "auth_time",
                "nonce",
                "at_hash",
                "jti",
                "email",
                "email_verified",
                "name",
                "federated_claims",
            ],
            claims_parameter_supported: false,
            request_parameter_supported: false,
            // Its default is true (OpenID Connect Discovery §3), so its absence would promise what we refuse.
            request_uri_parameter_supported: false,
            authorization_response_iss_parameter_supported: true,
        };
        serde_json::to_string(&document).expect("strings and flags always encode")
    }
}

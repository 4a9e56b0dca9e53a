//! The discovery document (OpenID Connect Discovery §3, RFC 8414, RFC 9207): what there is, and nothing that there is not.

use serde::Serialize;

use super::Provider;

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
    grant_types_supported: [&'a str; 1],
    subject_types_supported: [&'a str; 1],
    id_token_signing_alg_values_supported: [&'a str; 1],
    token_endpoint_auth_methods_supported: [&'a str; 3],
    code_challenge_methods_supported: [&'a str; 1],
    prompt_values_supported: [&'a str; 4],
    claims_supported: [&'a str; 13],
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    authorization_response_iss_parameter_supported: bool,
}

impl Provider {
    /// `/.well-known/openid-configuration`.
    pub fn discovery(&self) -> String {
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
            grant_types_supported: ["authorization_code"],
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: [self.token_key.algorithm().jose_name()],
            token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "none"],
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

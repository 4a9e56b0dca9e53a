//! The login: the steps of a Sigstore client and of the user's browser.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use shared::digest::sha256;
use shared::keys::{PublicKey, SignatureAlgorithm};
use shared::random::Random;
use shared::time::Clock;
use shared::x509::DerWriter;
use shared::x509::der_writer::tag;

use super::form::Form;
use super::{Client, HttpAnswer, Reason};

/// Most pages and redirects between the first request and the code.
const MAX_STEPS: usize = 12;

/// The endpoints of the OpenID provider, from its discovery document.
pub(crate) struct ProviderEndpoints {
    pub(crate) issuer: String,
    authorization: String,
    token: String,
    keys: String,
}

/// A verified ID token.
pub(crate) struct IdToken {
    /// The token, as a compact JWS.
    pub(crate) text: String,
    /// The e-mail address in the token, or its `sub` without one: the name in the certificate.
    pub(crate) subject: String,
}

/// Fetches the discovery document (OpenID Connect Discovery §4) and checks its issuer.
pub(crate) async fn discover(client: &Client) -> Result<ProviderEndpoints, Reason> {
    let issuer = format!("{}/oidc", client.origin);
    let metadata = client.get("/oidc/.well-known/openid-configuration").await?.expect(200)?.json()?;
    let text = |name: &str| {
        let value = metadata.get(name).and_then(Value::as_str).map(str::to_owned);
        value.ok_or_else(|| format!("the discovery document has no {name}"))
    };
    if text("issuer")? != issuer {
        return Err(format!("the issuer is {}, not {issuer}", text("issuer")?));
    }
    let methods = metadata.get("code_challenge_methods_supported").and_then(Value::as_array);
    if !methods.is_some_and(|methods| methods.iter().any(|method| method == "S256")) {
        return Err("the provider does not announce PKCE with S256, which cosign requires".to_owned());
    }
    let (authorization, token, keys) = (text("authorization_endpoint")?, text("token_endpoint")?, text("jwks_uri")?);
    Ok(ProviderEndpoints { issuer, authorization, token, keys })
}

/// Who logs in, and to which client of the provider.
pub(crate) struct Login<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) email: &'a str,
    pub(crate) password: &'a str,
}

/// The whole authorization code flow with PKCE (RFC 7636).
pub(crate) async fn log_in(
    client: &Client,
    provider: &ProviderEndpoints,
    login: &Login<'_>,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<IdToken, Reason> {
    let secret = || URL_SAFE_NO_PAD.encode(random.bytes::<32>());
    let (verifier, state, nonce) = (secret(), secret(), secret());
    // Sigstore's clients listen on a port that the system picks; here the redirect is read and never followed.
    let port = 49_152 + u16::from_be_bytes(random.bytes()) % 16_384;
    let redirect_uri = format!("http://localhost:{port}/auth/callback");
    let challenge = URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()));
    let mut address = url::Url::parse(&provider.authorization).map_err(|error| error.to_string())?;
    address.query_pairs_mut().extend_pairs([
        ("client_id", login.client_id),
        ("redirect_uri", &redirect_uri),
        ("response_type", "code"),
        ("scope", "openid email"),
        ("state", &state),
        ("nonce", &nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    let callback = browse(client, address.as_str(), &redirect_uri, login).await?;
    let code = code_of(&callback, &state, &provider.issuer)?;
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", login.client_id),
        ("code", &code),
        ("code_verifier", &verifier),
        ("redirect_uri", &redirect_uri),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let answer = client.post_form(&provider.token, &fields).await?.expect(200)?.json()?;
    let text = answer.get("id_token").and_then(Value::as_str).ok_or("the answer has no id_token")?.to_owned();
    let keys = client.get(&provider.keys).await?.expect(200)?.json()?;
    let subject = check_token(
        &text,
        &keys,
        &ExpectedClaims { issuer: &provider.issuer, client_id: login.client_id, nonce: &nonce },
        clock.now().seconds(),
    )?;
    Ok(IdToken { text, subject })
}

/// Follows redirects and fills in forms until the browser is sent back to the client.
async fn browse(client: &Client, address: &str, redirect_uri: &str, login: &Login<'_>) -> Result<url::Url, Reason> {
    let mut page = client.get(address).await?;
    let mut at = address.to_owned();
    let mut is_filled = false;
    for _ in 0..MAX_STEPS {
        if let Some(target) = page.location() {
            if target.starts_with(redirect_uri) {
                return url::Url::parse(&target).map_err(|error| error.to_string());
            }
            page = client.get(&target).await?;
            at = target;
            continue;
        }
        let form = form_of(&page)?;
        if form.password.is_some() && std::mem::replace(&mut is_filled, true) {
            return Err("the user's name or password was refused".to_owned());
        }
        let target =
            url::Url::parse(&at).and_then(|base| base.join(&form.action)).map_err(|error| error.to_string())?;
        if url::Url::parse(&client.origin).map(|origin| origin.origin()) != Ok(target.origin()) {
            return Err(format!("a form on the login page would send the password to {target}"));
        }
        page = client.post_form(target.as_str(), &form.filled(login.email, login.password)).await?;
        at = target.to_string();
    }
    Err(format!("no redirect back to the client after {MAX_STEPS} pages"))
}

fn form_of(page: &HttpAnswer) -> Result<Form, Reason> {
    Form::find(&String::from_utf8_lossy(&page.body)).ok_or_else(|| {
        let text: String = String::from_utf8_lossy(&page.body).split_whitespace().collect::<Vec<_>>().join(" ");
        let start: String = text.chars().take(300).collect();
        format!("a page with status {} and without a form: {start}", page.status.as_u16())
    })
}

/// The code in the redirect, after a check of its `state` and, if present, its `iss` (RFC 9207).
fn code_of(callback: &url::Url, state: &str, issuer: &str) -> Result<String, Reason> {
    let value = |name: &str| callback.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    if let Some(error) = value("error") {
        return Err(format!("{error}: {}", value("error_description").unwrap_or_default()));
    }
    if value("state").as_deref() != Some(state) {
        return Err("the redirect has a different state".to_owned());
    }
    if value("iss").is_some_and(|iss| iss != issuer) {
        return Err("the redirect has a different issuer".to_owned());
    }
    value("code").ok_or_else(|| "the redirect has no code".to_owned())
}

/// The values that an ID token's claims must have.
struct ExpectedClaims<'a> {
    issuer: &'a str,
    client_id: &'a str,
    nonce: &'a str,
}

/// Verifies an ID token (OpenID Connect Core §3.1.3.7) that is signed with RS256; returns its subject.
fn check_token(token: &str, keys: &Value, expected: &ExpectedClaims<'_>, now: u64) -> Result<String, Reason> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("the ID token is not a signed JWT".to_owned());
    };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "the ID token is not base64url".to_owned());
    let parse = |bytes: Vec<u8>| serde_json::from_slice::<Value>(&bytes).map_err(|error| error.to_string());
    let (header_json, claims_json) = (parse(decode(header)?)?, parse(decode(claims)?)?);
    if header_json.get("alg") != Some(&Value::from("RS256")) {
        return Err("the ID token is not signed with RS256, which cosign requires".to_owned());
    }
    let key =
        key_of(keys, header_json.get("kid")).ok_or("the provider does not publish the key that signed the ID token")?;
    key.verify_as(SignatureAlgorithm::RsaPkcs1Sha256, format!("{header}.{claims}").as_bytes(), &decode(signature)?)
        .map_err(|_| "the signature of the ID token is invalid".to_owned())?;
    let text = |name: &str| claims_json.get(name).and_then(Value::as_str);
    for (name, expected) in [("iss", expected.issuer), ("aud", expected.client_id), ("nonce", expected.nonce)] {
        if text(name) != Some(expected) {
            return Err(format!("the ID token's {name} is {:?}, not {expected:?}", claims_json.get(name)));
        }
    }
    if claims_json.get("exp").and_then(Value::as_u64).is_none_or(|exp| exp <= now) {
        return Err("the ID token has expired".to_owned());
    }
    text("email").or(text("sub")).map(str::to_owned).ok_or_else(|| "the ID token has neither email nor sub".to_owned())
}

/// The RSA key named `kid` in a JWK set (RFC 7517).
fn key_of(keys: &Value, kid: Option<&Value>) -> Option<PublicKey> {
    let jwk = keys.get("keys")?.as_array()?.iter().find(|jwk| jwk.get("kid") == kid && jwk["kty"] == "RSA")?;
    let number = |name: &str| URL_SAFE_NO_PAD.decode(jwk.get(name)?.as_str()?).ok();
    let (modulus, exponent) = (number("n")?, number("e")?);
    let mut rsa = DerWriter::default();
    rsa.nested(tag::SEQUENCE, |key| {
        key.unsigned(&modulus);
        key.unsigned(&exponent);
    });
    PublicKey::from_pkcs1(&rsa.finish()).ok()
}

//! A whole instance in a scratch directory, called through its router without a socket.

use std::path::PathBuf;

use axum::body::Body;
use axum::http::{Method, Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::jose::JoseAlgorithm;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use shared::audit::AuditRecord;
use shared::keys::{Signer as _, SigningKey};
use shared::random::SystemRandom;
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::*;
use crate::file::{Mode, write_durably};
use crate::instance::assemble::{Settings, Source};
use crate::instance::data_dir::{Curve, KeyName};
use crate::instance::init::{self, Plan};
use crate::instance::local_users::Password;
use crate::serving::routes::Routes;

/// The origin that clients use.
pub(crate) const ORIGIN: &str = "https://seal.example.com";
/// Its first local user.
pub(crate) const FIRST_USER: &str = "admin@instance.example";

/// An HTTP answer with its whole body.
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl HttpAnswer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The instance.
pub(crate) struct Scratch {
    pub(crate) instance: Instance,
    pub(crate) routes: Routes,
    token_key: SigningKey,
    folder: TempDir,
    _data: DataDir,
}

impl Scratch {
    /// A new instance with this configuration file.
    pub(crate) async fn open(configuration: &str) -> Self {
        Self::open_with(configuration, &[]).await
    }

    /// The same with files beside it.
    pub(crate) async fn open_with(configuration: &str, files: &[(&str, String)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            write_durably(&folder.path().join(name), text.as_bytes(), Mode::Private).expect("written");
        }
        let path = folder.path().join("privyseal.toml");
        write_durably(&path, configuration.as_bytes(), Mode::Private).expect("written");
        let data = DataDir::hold(&folder.path().join("data")).expect("a directory");
        let password = Password::choose(None, &SystemRandom).expect("a password");
        let plan = Plan::new(Curve::P256, FIRST_USER, &password);
        init::init(&data, plan, SystemClock.now(), &SystemRandom).expect("an instance");
        let settings = Settings::read(&Source::new(Some(&path), None)).map_err(|(problems, _)| problems).expect("good");
        let origin = Origin::parse(ORIGIN).expect("an origin");
        let instance = Instance::open(&data, settings, origin, None).await.expect("opens");
        let key_file = data.key_file().expect("a key file");
        let token_key = data.key(KeyName::Token, &key_file).expect("a key");
        Self { routes: Routes::of(&instance), instance, token_key, folder, _data: data }
    }

    /// The same instance, closed and opened again, perhaps without what was in its store.
    pub(crate) async fn reopen(self, loses_store: bool) -> Self {
        let Self { instance, routes, token_key, folder, _data } = self;
        instance.close();
        drop((instance, routes));
        if loses_store {
            std::fs::remove_dir_all(folder.path().join("data/store")).expect("removed");
        }
        let path = folder.path().join("privyseal.toml");
        let settings = Settings::read(&Source::new(Some(&path), None)).map_err(|(problems, _)| problems).expect("good");
        let instance =
            Instance::open(&_data, settings, Origin::parse(ORIGIN).expect("an origin"), None).await.expect("opens");
        Self { routes: Routes::of(&instance), instance, token_key, folder, _data }
    }

    /// Writes another configuration, and files beside it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        write_durably(&self.folder.path().join(name), text.as_bytes(), Mode::Private).expect("written");
    }

    /// Where a file beside the configuration is.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The snapshots.
    pub(crate) fn snapshots(&self) -> &Snapshots {
        &self.instance.snapshots
    }

    /// From now on the audit log takes nothing.
    pub(crate) fn close_audit(&self) {
        self.instance.logs[2].close();
    }

    /// Every record of the audit log.
    pub(crate) fn audit(&self) -> Vec<AuditRecord> {
        let audit = &self.instance.logs[2];
        let leaf = |index| audit.leaf(index).expect("reads").expect("is there");
        (0..audit.size()).map(|index| serde_json::from_slice(&leaf(index)).expect("a record")).collect()
    }

    /// A token of the instance's own provider for the local user of that address.
    pub(crate) fn token(&self, audience: &str, email: &str) -> String {
        self.token_with(json!({ "aud": audience, "email": email }))
    }

    /// The same with other claims.
    pub(crate) fn token_with(&self, claims: Value) -> String {
        let now = SystemClock.now().seconds();
        let mut all = json!({
            "iss": format!("{ORIGIN}/oidc"), "sub": "someone", "email_verified": true, "iat": now, "exp": now + 300,
            "federated_claims": { "connector_id": "local", "user_id": "someone" },
        });
        for (name, value) in claims.as_object().expect("an object") {
            all[name] = value.clone();
        }
        sign(&self.token_key, JoseAlgorithm::Rs256, None, &all)
    }

    /// Asks, with a bearer token and a JSON body if there is one.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        bearer: Option<&str>,
        body: Option<Value>,
    ) -> HttpAnswer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response =
            self.routes.main.clone().oneshot(request.body(body).expect("a request")).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes().to_vec();
        HttpAnswer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str, bearer: Option<&str>) -> HttpAnswer {
        self.ask(Method::GET, path, bearer, None).await
    }

    pub(crate) async fn post(&self, path: &str, bearer: Option<&str>, body: Option<Value>) -> HttpAnswer {
        self.ask(Method::POST, path, bearer, body).await
    }
}

/// A compact JWS over these claims. A key without a name is for sets that hold only one.
pub(crate) fn sign(key: &SigningKey, algorithm: JoseAlgorithm, kid: Option<&str>, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut header = json!({ "alg": algorithm.name() });
    if let Some(kid) = kid {
        header["kid"] = kid.into();
    }
    let input = format!("{}.{}", encode(&header), encode(claims));
    let mut signature = key.sign(input.as_bytes()).expect("signs");
    if algorithm == JoseAlgorithm::Es256 {
        // RFC 7518 §3.4 wants r and s one after the other, not in DER.
        signature = p256::ecdsa::Signature::from_der(&signature).expect("ECDSA").to_bytes().to_vec();
    }
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

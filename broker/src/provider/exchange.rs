//! A workload's SVID becomes an ID token for one of our clients, so that programs which know OpenID Connect and nothing
//! of SPIFFE can use it.
//!
//! ```text
//! ExchangeRequest → VerifiedSvid → Workload (permitted) → UncountedToken
//!   ─ use counted ─→ PreparedToken ─ receipt ─→ TokenResponse
//! ```
//!
//! Two grants lead here. In a token exchange (RFC 8693) the SVID is the subject token, and the client need
//! not authenticate. With `client_credentials` the workload is the client, and presents a JWT-SVID as its assertion or
//! the X.509-SVID of its connection (draft-ietf-oauth-spiffe-client-auth §3). The result of both is the same, and
//! certificates made from it are the same as those made from the SVID itself.
//!
//! Does not: exchange the tokens of issuers, act for others (`actor_token`), or let the caller choose who authenticates
//! the workload: that is the trust domain in the SVID.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared::audit::AuditRecord;
use shared::digest::sha256_hex;
use shared::excerpt::excerpt;
use shared::random::Random;
use shared::time::UnixTime;

use super::claims::{FederatedClaims, WorkloadClaims};
use super::client_authentication::ClientAuthentication;
use super::grant_type::{ID_TOKEN, JWT, JWT_SPIFFE, JWT_SPIFFE_TOKEN};
use super::openid_provider::Provider;
use super::parameters::Parameters;
use super::prepared_token::PreparedToken;
use super::svid_fault::{SvidFault, SvidRole};
use super::token_error::TokenError;
use crate::credential::{Attributed, Credential, SvidVerification};
use crate::grants::WORKLOADS;
use crate::names::SpiffeId;
use crate::namespace::Rules;
use crate::registry::Issuers;
use crate::svid::credential_kind::credential_kind;
use crate::svid::{NeedsBundle, SvidUse, UnverifiedX509Svid, UseError, VerifiedSvid, X509SvidError};
use crate::trust_domain::{SvidKind, TrustDomainRecord};

/// The certificate of the connection, parsed; or why it is no SVID.
pub type Channel = Option<Result<UnverifiedX509Svid, X509SvidError>>;

/// A well-formed request for an ID token that is not verified yet.
pub struct ExchangeRequest {
    presented: PresentedSvid,
    terms: ExchangeTerms,
}

/// The SVID, and as what it is presented.
struct PresentedSvid {
    credential: Credential,
    role: SvidRole,
}

/// Everything but the SVID.
struct ExchangeTerms {
    audience: String,
    /// The client that exchanges a token may authenticate; then it must succeed.
    exchanger: Option<ClientAuthentication>,
    /// The `client_id` of a workload that is the client.
    client_id: Option<String>,
    /// The identity in the certificate of the connection, where a token is presented as well.
    connection: Option<SpiffeId>,
}

impl ExchangeRequest {
    /// RFC 8693 §2.1.
    pub(super) fn parse_exchange(
        header: Option<&str>,
        body: &Parameters,
        channel: Channel,
    ) -> Result<Self, TokenError> {
        for name in ["actor_token", "actor_token_type", "client_assertion", "client_assertion_type"] {
            if body.value(name).is_some() {
                return Err(TokenError::ParameterUnsupported(name));
            }
        }
        let says_who = header.is_some() || ["client_id", "client_secret"].iter().any(|name| body.value(name).is_some());
        let exchanger = says_who.then(|| ClientAuthentication::read(header, body)).transpose()?;
        if !matches!(required(body, "subject_token_type")?, JWT | ID_TOKEN | JWT_SPIFFE_TOKEN) {
            return Err(TokenError::SubjectTokenType);
        }
        if !matches!(body.value("requested_token_type"), None | Some(ID_TOKEN)) {
            return Err(TokenError::RequestedTokenType);
        }
        let audience = parse_target(body)?;
        let refused = |fault| TokenError::svid(SvidRole::Subject, fault);
        let token = Credential::token(required(body, "subject_token")?.as_bytes());
        let credential = token.map_err(|error| refused(error.into()))?;
        let connection = identity_of(channel).map_err(|error| refused(error.into()))?;
        let terms = ExchangeTerms { audience, exchanger, client_id: None, connection };
        Ok(Self { presented: PresentedSvid { credential, role: SvidRole::Subject }, terms })
    }

    /// RFC 6749 §4.4.2, the client known by its SVID.
    pub(super) fn parse_client_credentials(
        header: Option<&str>,
        body: &Parameters,
        channel: Channel,
    ) -> Result<Self, TokenError> {
        let refused = |fault| TokenError::svid(SvidRole::Client, fault);
        let assertion = body.value("client_assertion");
        if assertion.is_none() && channel.is_none() {
            return Err(TokenError::AssertionMissing);
        }
        if header.is_some() || body.value("client_secret").is_some() {
            return Err(TokenError::ClientAmbiguous);
        }
        let client_id = body.value("client_id").map(str::to_owned);
        let audience = parse_target(body)?;
        let terms = |client_id, connection| ExchangeTerms { audience, exchanger: None, client_id, connection };
        let Some(assertion) = assertion else {
            if body.value("client_assertion_type").is_some() {
                return Err(TokenError::ParameterMissing("client_assertion"));
            }
            let svid = channel.ok_or(TokenError::AssertionMissing)?.map_err(|error| refused(error.into()))?;
            // The draft, §3.2: the parameter is required where the certificate is the credential.
            let client_id = client_id.ok_or_else(|| refused(SvidFault::ClientId(svid.id().to_string())))?;
            let presented = PresentedSvid { credential: Credential::Channel(Box::new(svid)), role: SvidRole::Client };
            return Ok(Self { presented, terms: terms(Some(client_id), None) });
        };
        if required(body, "client_assertion_type")? != JWT_SPIFFE {
            return Err(TokenError::AssertionType);
        }
        let credential = Credential::token(assertion.as_bytes()).map_err(|error| refused(error.into()))?;
        let connection = identity_of(channel).map_err(|error| refused(error.into()))?;
        Ok(Self {
            presented: PresentedSvid { credential, role: SvidRole::Client },
            terms: terms(client_id, connection),
        })
    }
}

impl ExchangeRequest {
    /// The bundle was fetched again, and still will not do: the trust domain's fault if it does not count, else the
    /// caller's.
    pub fn unanswered(&self, NeedsBundle { record, why }: NeedsBundle) -> TokenError {
        let trust_domain = record.name().to_string();
        match why {
            Some(why) => TokenError::Bundle(trust_domain, why),
            None => TokenError::svid(self.presented.role, SvidFault::KeyUnknown(trust_domain)),
        }
    }
}

fn required<'a>(body: &'a Parameters, name: &'static str) -> Result<&'a str, TokenError> {
    body.value(name).ok_or(TokenError::ParameterMissing(name))
}

/// The requested audience; checks that nothing but an identity is requested.
fn parse_target(body: &Parameters) -> Result<String, TokenError> {
    if body.value("resource").is_some() {
        return Err(TokenError::Resource);
    }
    if body.value("scope").is_some_and(|scope| scope != "openid") {
        return Err(TokenError::Scope);
    }
    required(body, "audience").map(str::to_owned)
}

/// Nothing but the name: the token is what must hold, and it must be of the same identity.
fn identity_of(channel: Channel) -> Result<Option<SpiffeId>, X509SvidError> {
    channel.map(|svid| svid.map(|svid| svid.id().clone())).transpose()
}

/// The result of evaluating an [`ExchangeRequest`].
pub enum Exchange {
    /// The bundle of the trust domain must be fetched first. The edge does that once, and asks again.
    NeedsBundle {
        /// The trust domain whose bundle is needed, and why.
        needs: NeedsBundle,
        /// The request, to be asked again.
        request: Box<ExchangeRequest>,
    },
    /// It may have its token, if its use is admitted.
    Uncounted(Box<UncountedToken>),
}

/// A permitted token whose use of the SVID is not counted yet. It is neither recorded nor signed.
pub struct UncountedToken {
    token: PreparedToken,
    svid_use: SvidUse,
    role: SvidRole,
}

impl UncountedToken {
    /// The use of the SVID, to be counted.
    pub fn svid_use(&self) -> &SvidUse {
        &self.svid_use
    }

    /// The use was counted and is within the limit.
    pub fn admitted(self) -> PreparedToken {
        self.token
    }

    /// The use was not admitted.
    pub fn refused(self, error: UseError) -> TokenError {
        TokenError::svid(self.role, error.into())
    }
}

/// A workload that the rules permit. Made by [`Workload::permit`] only.
struct Workload {
    record: Arc<TrustDomainRecord>,
    id: SpiffeId,
    document: SvidKind,
    expires_at: UnixTime,
    sha256: [u8; 32],
    svid_use: SvidUse,
    rule: String,
}

impl Workload {
    fn permit(svid: VerifiedSvid, rules: &Rules) -> Result<Self, SvidFault> {
        let workload = Self {
            record: Arc::clone(svid.record()),
            id: svid.id().clone(),
            document: svid.document(),
            expires_at: svid.expires_at(),
            sha256: *svid.sha256(),
            svid_use: svid.use_of(),
            rule: String::new(),
        };
        let permit = rules.permit_svid(svid)?;
        Ok(Self { rule: permit.rule().to_owned(), ..workload })
    }
}

enum PresentedOutcome {
    Verified(VerifiedSvid),
    NeedsBundle(NeedsBundle, PresentedSvid),
}

impl PresentedSvid {
    /// `us` is our issuer URL.
    fn verify(self, us: &str, issuers: &Issuers, now: UnixTime) -> Result<PresentedOutcome, SvidFault> {
        let Self { credential, role } = self;
        let (svid, record) = match credential.attribute(issuers)? {
            Attributed::Svid(svid, record) => (svid, record),
            Attributed::Token(_, issuer) => return Err(SvidFault::NotSvid(issuer.iss().to_string())),
        };
        let audiences = match role {
            // The draft, §3.1: an assertion is made for the issuer and for no one else.
            SvidRole::Client => vec![us],
            // One for the authority buys a certificate, so it may buy a token too.
            SvidRole::Subject => vec![us, record.audience().as_str()],
        };
        Ok(match svid.verify(record, &audiences, now)? {
            SvidVerification::Verified(svid) => PresentedOutcome::Verified(svid),
            SvidVerification::NeedsBundle { needs, svid } => {
                PresentedOutcome::NeedsBundle(needs, Self { credential: svid.into(), role })
            }
        })
    }
}

impl ExchangeTerms {
    /// A8. Any other identity in the request must be that of the SVID.
    fn check_identity(&self, svid: &VerifiedSvid) -> Result<(), SvidFault> {
        let id = svid.id();
        if self.client_id.as_deref().is_some_and(|client_id| client_id != id.as_str()) {
            return Err(SvidFault::ClientId(id.to_string()));
        }
        match &self.connection {
            Some(connection) if connection != id => {
                Err(SvidFault::TwoIdentities { token: id.to_string(), connection: connection.to_string() })
            }
            _ => Ok(()),
        }
    }
}

impl Provider {
    /// Evaluates `request` and prepares its token. Who the workload is and whether the rules know it is settled before
    /// the answer reveals anything about our clients.
    pub fn exchange(
        &self,
        request: ExchangeRequest,
        issuers: &Issuers,
        now: UnixTime,
        random: &dyn Random,
    ) -> Result<Exchange, TokenError> {
        let ExchangeRequest { presented, terms } = request;
        if let Some(exchanger) = &terms.exchanger {
            self.authenticate_client(exchanger)?;
        }
        let role = presented.role;
        let refused = |fault| TokenError::svid(role, fault);
        let svid = match presented.verify(&self.issuer, issuers, now).map_err(refused)? {
            PresentedOutcome::Verified(svid) => svid,
            PresentedOutcome::NeedsBundle(needs, presented) => {
                return Ok(Exchange::NeedsBundle { needs, request: Box::new(ExchangeRequest { presented, terms }) });
            }
        };
        terms.check_identity(&svid).map_err(refused)?;
        let workload = Workload::permit(svid, issuers.rules()).map_err(refused)?;
        Self::check_audience(&terms.audience, &workload.record)?;
        let token = self.prepare_exchanged(&workload, &terms.audience, role, now, random).map_err(refused)?;
        let token = UncountedToken { token, svid_use: workload.svid_use, role };
        Ok(Exchange::Uncounted(Box::new(token)))
    }

    /// The record alone decides: a verifier of our tokens need not be a client of the provider.
    fn check_audience(audience: &str, record: &TrustDomainRecord) -> Result<(), TokenError> {
        if record.allows_exchange_for(audience) {
            return Ok(());
        }
        let audience = excerpt(audience, 120);
        Err(TokenError::AudienceNotAllowed { trust_domain: record.name().to_string(), audience })
    }

    fn prepare_exchanged(
        &self,
        workload: &Workload,
        audience: &str,
        role: SvidRole,
        now: UnixTime,
        random: &dyn Random,
    ) -> Result<PreparedToken, SvidFault> {
        let Workload { record, id, document, expires_at, sha256, rule, .. } = workload;
        // An ID token ends no later than its SVID, so withdrawing a workload's SVIDs ends its tokens too.
        let ends_at = now.plus(self.lifetimes.token).min(*expires_at);
        let expires_in = ends_at.seconds().saturating_sub(now.seconds());
        if expires_in == 0 {
            return Err(SvidFault::Ended);
        }
        let claims = WorkloadClaims {
            iss: self.issuer.clone(),
            sub: id.to_string(),
            aud: audience.to_owned(),
            exp: ends_at.seconds(),
            iat: now.seconds(),
            jti: URL_SAFE_NO_PAD.encode(random.bytes::<16>()),
            federated_claims: FederatedClaims {
                connector_id: format!("{WORKLOADS}{}", record.name()),
                user_id: id.to_string(),
            },
        };
        let encoded = serde_json::to_vec(&claims).expect("strings and numbers always encode");
        let entry = AuditRecord::TokenIssued {
            at_ms: now.millis(),
            client: claims.aud,
            subject: claims.sub,
            connector: claims.federated_claims.connector_id,
            claims_sha256: sha256_hex(&encoded),
            credential: Some(credential_kind(*document)),
            credential_sha256: hex::encode(sha256),
            rule: rule.clone(),
        };
        Ok(PreparedToken {
            signing_input: self.token_key.signing_input(&encoded),
            leaf: entry.to_leaf(),
            access_token: None,
            expires_in,
            scope: "openid".to_owned(),
            token_type: match role {
                // RFC 8693 §2.2.1: what is issued is no access token, despite the member's name.
                SvidRole::Subject => "N_A",
                SvidRole::Client => "Bearer",
            },
            issued_token_type: Some(ID_TOKEN),
        })
    }
}

#[cfg(test)]
mod tests;

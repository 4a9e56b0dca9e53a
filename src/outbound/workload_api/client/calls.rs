//! The three calls that we make. The crate `spiffe` connects and reads X.509-SVIDs.
//!
//! Bundles are taken as bytes and read by `broker`. The crate would refuse a whole message for one trust domain that
//! has no JWT key, which programs in Go write `{"keys":null}`, or one key without a name; and of two keys with one name
//! it keeps the last.

use std::collections::HashMap;
use std::pin::Pin;

use futures_util::{Stream, StreamExt as _};
use spiffe::transport::Endpoint;
use spiffe::{WorkloadApiClient, X509Svid};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic_prost::ProstCodec;

use super::trouble::Trouble;

/// What a stream says, message by message.
pub(super) type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Trouble>> + Send>>;

/// The bundle of each trust domain, as it came. Names are SPIFFE IDs of trust domains.
pub(super) type Told = HashMap<String, Vec<u8>>;

pub(super) const FETCH_X509_BUNDLES: &str = "/SpiffeWorkloadAPI/FetchX509Bundles";
pub(super) const FETCH_JWT_BUNDLES: &str = "/SpiffeWorkloadAPI/FetchJWTBundles";

/// `X509BundlesRequest` and `JWTBundlesRequest`: nothing can be asked for.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct BundlesRequest {}

/// `X509BundlesResponse`, without the revocation lists that no agent sends.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct X509BundlesResponse {
    #[prost(map = "string, bytes", tag = "2")]
    pub(super) bundles: Told,
}

/// `JWTBundlesResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct JwtBundlesResponse {
    #[prost(map = "string, bytes", tag = "1")]
    pub(super) bundles: Told,
}

/// A connection. The API knows us by what the operating system says of our process; there is no other login.
#[derive(Clone)]
pub(super) struct Agent {
    client: WorkloadApiClient,
    channel: Channel,
}

impl Agent {
    pub(super) async fn connect(endpoint: &Endpoint) -> Result<Self, Trouble> {
        let channel = spiffe::transport::connect(endpoint).await?;
        Ok(Self { client: WorkloadApiClient::new_with_channel(endpoint.clone(), channel.clone()), channel })
    }

    /// Our default X.509-SVID, which is the first of those that we are given.
    pub(super) async fn x509_svid(&self) -> Result<Messages<X509Svid>, Trouble> {
        let messages = self.client.stream_x509_svids().await?;
        Ok(messages.map(|message| message.map_err(Trouble::from)).boxed())
    }

    pub(super) async fn x509_bundles(&self) -> Result<Messages<Told>, Trouble> {
        self.stream(FETCH_X509_BUNDLES, |told: X509BundlesResponse| told.bundles).await
    }

    pub(super) async fn jwt_bundles(&self) -> Result<Messages<Told>, Trouble> {
        self.stream(FETCH_JWT_BUNDLES, |told: JwtBundlesResponse| told.bundles).await
    }

    async fn stream<M>(&self, path: &'static str, bundles: fn(M) -> Told) -> Result<Messages<Told>, Trouble>
    where
        M: prost::Message + Default + 'static,
    {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await.map_err(|error| Trouble::Unreachable(error.to_string()))?;
        let mut request = tonic::Request::new(BundlesRequest {});
        // Workload Endpoint §3: without it the call is refused, since anyone who is tricked into calling does not send
        // it.
        request.metadata_mut().insert("workload.spiffe.io", MetadataValue::from_static("true"));
        let codec = ProstCodec::<BundlesRequest, M>::default();
        let answer = grpc.server_streaming(request, PathAndQuery::from_static(path), codec).await?;
        Ok(answer.into_inner().map(move |message| Ok(bundles(message?))).boxed())
    }
}

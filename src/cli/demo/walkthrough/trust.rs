//! Fetches the trusted root as clients do: from the TUF root on, with every check.

use shared::time::UnixTime;
use shared::trust_root::TrustedRoot;
use shared::trust_root::tuf::reader::TrustedKeys;

use crate::cli::client::{Client, Reason};

/// The trust files of the instance.
pub(super) struct FetchedTrust {
    pub(super) trusted_root: TrustedRoot,
    /// Name and bytes of every file.
    pub(super) files: Vec<(&'static str, Vec<u8>)>,
}

pub(super) async fn fetch(client: &Client, now: UnixTime) -> Result<FetchedTrust, Reason> {
    let get = async |path: String| client.get(&path).await?.expect(200).map(|answer| answer.body);
    // A real client gets the first root out of band. Here it is the demo's own instance on loopback.
    let root = get("/trust/root.json".to_owned()).await?;
    let mut keys = TrustedKeys::pin(&root).map_err(|error| error.to_string())?;
    loop {
        let next = client.get(&format!("/tuf/{}", keys.next_root_name())).await?;
        if next.status == 404 {
            break;
        }
        keys = keys.follow(&next.expect(200)?.body).map_err(|error| error.to_string())?;
    }
    let timestamp = get("/tuf/timestamp.json".to_owned()).await?;
    let timestamp = keys.timestamp(&timestamp, now).map_err(|error| error.to_string())?;
    let snapshot = get(format!("/tuf/{}", timestamp.snapshot_name())).await?;
    let snapshot = timestamp.snapshot(&snapshot, now).map_err(|error| error.to_string())?;
    let targets = get(format!("/tuf/{}", snapshot.targets_name())).await?;
    let targets = snapshot.targets(&targets, now).map_err(|error| error.to_string())?;
    let mut files = vec![("root.json", root)];
    for name in ["trusted_root.json", "signing_config.v0.2.json"] {
        let path = targets.path(name).ok_or_else(|| format!("the repository has no {name}"))?;
        let bytes = get(format!("/tuf/{path}")).await?;
        targets.check(name, &bytes).map_err(|error| error.to_string())?;
        if get(format!("/trust/{name}")).await? != bytes {
            return Err(format!("/trust/{name} differs from the file in the repository"));
        }
        files.push((name, bytes));
    }
    let trusted_root = TrustedRoot::parse(&files[1].1).map_err(|error| error.to_string())?;
    files.push(("client_trust_config.json", get("/trust/client_trust_config.json".to_owned()).await?));
    Ok(FetchedTrust { trusted_root, files })
}

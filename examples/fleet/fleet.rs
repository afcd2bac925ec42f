//! The processes of the service.

use std::net::SocketAddr;

use serde_json::Value;

use crate::drive::Client;
use crate::process::Process;
use crate::{Failure, Shared};

const MEMBERS: usize = 4;

/// Four processes of the service.
pub struct Fleet {
    pub shared: Shared,
    pub members: Vec<Member>,
}

/// One of them.
pub struct Member {
    /// What the show calls it: 1 to 4.
    pub number: usize,
    pub address: SocketAddr,
    pub client: Client,
    process: Process,
}

impl Fleet {
    /// Starts them, and returns when each has answered a request.
    pub async fn start(shared: Shared) -> Result<Self, Failure> {
        let mut members = Vec::new();
        for number in 1..=MEMBERS {
            members.push(Member::start(&shared, number, 0).await?);
        }
        for member in &members {
            member.warm_up().await?;
        }
        Ok(Self { shared, members })
    }

    /// How often the bodies of a cached function ran, in all of them.
    pub async fn loads(&self, function: &str) -> Result<u64, Failure> {
        let mut loads = 0;
        for member in &self.members {
            loads += member.loads(function).await?;
        }
        Ok(loads)
    }

    /// Starts a member again that was killed, at its old address.
    pub async fn restart(&mut self, number: usize) -> Result<(), Failure> {
        let place = number - 1;
        self.members[place] = Member::start(&self.shared, number, self.members[place].address.port()).await?;
        self.members[place].warm_up().await
    }
}

impl Member {
    async fn start(shared: &Shared, number: usize, port: u16) -> Result<Self, Failure> {
        let mut process = Process::start("serve", shared, &["--port", &port.to_string()])?;
        let address = process.hear().await?.parse()?;
        Ok(Self { number, address, client: Client::new(address), process })
    }

    /// Connections are made, and statements prepared.
    async fn warm_up(&self) -> Result<(), Failure> {
        self.client.get("/countries/IS/largest?limit=1").await?;
        Ok(())
    }

    async fn loads(&self, function: &str) -> Result<u64, Failure> {
        let stats: Value = serde_json::from_slice(&self.client.get("/stats").await?.body)?;
        let functions = stats["functions"].as_array().into_iter().flatten();
        Ok(functions.filter(|part| part["name"] == function).filter_map(|part| part["loads"].as_u64()).sum())
    }

    pub async fn tell(&mut self, order: &str) -> Result<(), Failure> {
        self.process.tell(order).await
    }

    pub async fn hear(&mut self) -> Result<String, Failure> {
        self.process.hear().await
    }

    pub async fn kill(&mut self) -> Result<(), Failure> {
        self.process.kill().await
    }
}

//! A client that speaks NATS's own lines, and knows only what tests of the servers themselves need.

use std::io::{self, BufRead, BufReader, Error, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

/// No two clients get each other's answers.
static CLIENTS: AtomicU64 = AtomicU64::new(0);

/// A connection to one server that is open to all.
#[derive(Debug)]
pub struct Client {
    lines: BufReader<TcpStream>,
    info: Value,
    inbox: String,
}

impl Client {
    /// Connects to `host:port`.
    ///
    /// # Errors
    /// If nobody takes the connection, or says what no nats-server says.
    pub fn connect(address: &str) -> io::Result<Self> {
        let lines = BufReader::new(TcpStream::connect(address)?);
        // Relaxed: no other memory is told of by it.
        let inbox = format!("back{}", CLIENTS.fetch_add(1, Ordering::Relaxed));
        let mut client = Client { lines, info: Value::Null, inbox };
        let line = client.line()?;
        let info = line.strip_prefix("INFO ").ok_or_else(|| Error::other(line.clone()))?;
        client.info = serde_json::from_str(info)?;
        client.say(&format!("CONNECT {{\"verbose\":false}}\r\nSUB {} 1\r\n", client.inbox))?;
        Ok(client)
    }

    /// How long it waits for a line, if not for ever.
    ///
    /// # Errors
    /// If the system refuses it.
    pub fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.lines.get_ref().set_read_timeout(Some(patience))
    }

    /// What the server said of itself first.
    pub fn info(&self) -> &Value {
        &self.info
    }

    /// The next line from the server.
    ///
    /// # Errors
    /// If the connection is closed or broken.
    pub fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            return Err(Error::other("the server has closed the connection"));
        }
        Ok(line.trim_end().to_owned())
    }

    /// Publishes `body`; the answer, if there is one, is not waited for.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn publish(&mut self, subject: &str, body: &str) -> io::Result<()> {
        self.say(&format!("PUB {subject} {} {}\r\n{body}\r\n", self.inbox, body.len()))
    }

    /// Publishes `body` and waits for the answer.
    ///
    /// # Errors
    /// If the connection is closed or broken, or something else than an answer comes.
    pub fn ask(&mut self, subject: &str, body: &str) -> io::Result<Value> {
        self.publish(subject, body)?;
        loop {
            match self.line()? {
                head if head.starts_with("MSG back") => return Ok(serde_json::from_str(&self.line()?)?),
                line if line == "PING" => self.say("PONG\r\n")?,
                line if line.starts_with("INFO ") => {}
                other => return Err(Error::other(other)),
            }
        }
    }

    /// Makes a stream of one subject, named as its stream.
    ///
    /// # Errors
    /// As [`Client::ask`], and if the server refuses it.
    pub fn make_stream(&mut self, name: &str, replicas: usize) -> io::Result<()> {
        let stream = json!({
            "name": name, "subjects": [name], "num_replicas": replicas, "storage": "file", "retention": "limits",
        });
        self.order(&format!("$JS.API.STREAM.CREATE.{name}"), &stream.to_string()).map(drop)
    }

    /// Deletes a stream.
    ///
    /// # Errors
    /// As [`Client::ask`], and if the server refuses it.
    pub fn delete_stream(&mut self, name: &str) -> io::Result<()> {
        self.order(&format!("$JS.API.STREAM.DELETE.{name}"), "").map(drop)
    }

    /// How many messages lie in a stream.
    ///
    /// # Errors
    /// As [`Client::ask`], and if there is no such stream.
    pub fn message_count(&mut self, stream: &str) -> io::Result<u64> {
        let said = self.order(&format!("$JS.API.STREAM.INFO.{stream}"), "")?;
        said["state"]["messages"].as_u64().ok_or_else(|| Error::other(said.to_string()))
    }

    fn order(&mut self, subject: &str, body: &str) -> io::Result<Value> {
        let said = self.ask(subject, body)?;
        if said["error"].is_null() { Ok(said) } else { Err(Error::other(said.to_string())) }
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.lines.get_mut().write_all(text.as_bytes())
    }
}

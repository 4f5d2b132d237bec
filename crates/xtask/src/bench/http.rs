//! As much of HTTP/1.1 as it takes to ask our own service over connections that are kept alive.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::place;

pub(super) fn get(path: &str, workspace: Option<u64>) -> String {
    let key = workspace.map(authorization).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{key}\r\n")
}

pub(super) fn post(path: &str, workspace: u64, body: &str) -> String {
    let (key, length) = (authorization(workspace), body.len());
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{key}content-type: application/json\r\n");
    format!("{head}content-length: {length}\r\n\r\n{body}")
}

fn authorization(workspace: u64) -> String {
    format!("authorization: Bearer {}\r\n", place::api_key(workspace))
}

pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), line: String::new(), body: Vec::new() })
    }

    /// The status of the answer, whose body is read to its end.
    pub(super) async fn ask(&mut self, request: &str) -> io::Result<u16> {
        self.stream.get_mut().write_all(request.as_bytes()).await?;
        let status = self.line().await?.split(' ').nth(1).and_then(|word| word.parse().ok());
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().map_err(|_| odd("its length"))?,
                "transfer-encoding" => chunked = value.trim().eq_ignore_ascii_case("chunked"),
                _ => {}
            }
        }
        self.body.clear();
        if chunked {
            loop {
                let size = usize::from_str_radix(self.line().await?, 16).map_err(|_| odd("a chunk"))?;
                self.read(size).await?;
                self.line().await?;
                if size == 0 {
                    break;
                }
            }
        } else {
            self.read(length).await?;
        }
        status.ok_or_else(|| odd("its status"))
    }

    /// Of the last answer.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    async fn read(&mut self, length: usize) -> io::Result<()> {
        let from = self.body.len();
        self.body.resize(from + length, 0);
        self.stream.read_exact(&mut self.body[from..]).await.map(|_| ())
    }

    /// Without its end. Nothing at all means that the service has hung up.
    async fn line(&mut self) -> io::Result<&str> {
        self.line.clear();
        if self.stream.read_line(&mut self.line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(self.line.trim_end())
    }
}

fn odd(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("an answer is not understood: {what}"))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn answers_with_a_length_and_in_chunks_are_read_to_their_ends() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let serving = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let answers = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc\
                               HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n\
                               HTTP/1.1 204 No Content\r\n\r\n";
                stream.write_all(answers.as_bytes()).await.unwrap();
                stream
            });
            let mut connection = Connection::open(address).await.unwrap();
            for (status, text) in [(200, "abc"), (202, "def"), (204, "")] {
                assert_eq!(connection.ask(&get("/", None)).await.unwrap(), status);
                assert_eq!(connection.text(), text);
            }
            drop(serving.await.unwrap());
        });
    }
}

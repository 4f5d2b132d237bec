//! Each engine renders all rows and says how long that took.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use domain::{Change, Value};
use rustix::time::{ClockId, clock_gettime};
use template::{Context, Names, Template};

use crate::rows::{self, Row};

/// A message that only places columns. The engines without types get the same with quotes.
pub const COLUMNS: [&str; 2] = [
    r#"{"id":{{ row.id }},"uid":{{ row.uid }},"email":{{ row.email }},"name":{{ row.name }},"age":{{ row.age }},"balance":{{ row.balance }},"active":{{ row.active }},"updated_at":{{ row.updated_at }},"attrs":{{ row.attrs }},"note":{{ row.note }}}"#,
    r#"{"id":{{ id }},"uid":"{{ uid }}","email":"{{ email }}","name":"{{ name }}","age":{{ age }},"balance":{{ balance }},"active":{{ active }},"updated_at":"{{ updated_at }}","attrs":{{ attrs }},"note":"{{ note }}"}"#,
];

/// One with conditions and filters.
pub const FILTERS: [&str; 2] = [
    r#"{"id":{{ row.id }},"uid":{{ row.uid }},"email":"{{ row.email | downcase }}","name":"{{ row.name | upcase }}","group":{% if row.age < 18 %}"child"{% elsif row.age >= 65 %}"senior"{% else %}"adult"{% endif %},"next":{{ row.age | plus: 1 }},{% if row.active %}"active":true,"balance":{{ row.balance }},{% else %}"active":false,{% endif %}"updated_at":{{ row.updated_at }},"attrs":{{ row.attrs }},"note":"{{ row.note | truncate: 20 }}"}"#,
    r#"{"id":{{ id }},"uid":"{{ uid }}","email":"{{ email | downcase }}","name":"{{ name | upcase }}","group":{% if age < 18 %}"child"{% elsif age >= 65 %}"senior"{% else %}"adult"{% endif %},"next":{{ age | plus: 1 }},{% if active %}"active":true,"balance":{{ balance }},{% else %}"active":false,{% endif %}"updated_at":"{{ updated_at }}","attrs":{{ attrs }},"note":"{{ note | truncate: 20 }}"}"#,
];

pub trait Engine {
    /// Renders all rows; the time of the processor.
    fn all(&mut self) -> Duration;
    fn first(&mut self, row: usize) -> String;
}

pub struct Ours {
    template: Template,
    rows: Vec<Vec<Option<Value>>>,
}

impl Ours {
    pub fn new(source: &str, rows: &[Row]) -> Self {
        let (columns, numbers) = (rows::columns(), rows::numbers());
        let template = Template::json(source, &Names { columns: &columns, numbers: &numbers }).expect("it compiles");
        Self { template, rows: rows.iter().map(Row::typed).collect() }
    }

    fn render(&self, row: &[Option<Value>], out: &mut Vec<u8>) {
        let context = Context {
            op: Change::Added,
            row,
            previous: None,
            changed_columns: None,
            event_id: "e",
            event_sequence: 1,
            run_id: "r",
            run_started_at: "2026-01-02T03:04:05Z",
            sync_id: "s",
            sync_name: "n",
            element: None,
        };
        self.template.render(&context, out, 1 << 20).expect("it renders");
    }
}

impl Engine for Ours {
    fn all(&mut self) -> Duration {
        let mut out = Vec::new();
        timed(|| {
            for row in &self.rows {
                out.clear();
                self.render(row, &mut out);
                std::hint::black_box(&out);
            }
        })
    }

    fn first(&mut self, row: usize) -> String {
        let mut out = Vec::new();
        self.render(&self.rows[row], &mut out);
        String::from_utf8(out).expect("UTF-8")
    }
}

/// A struct that serde knows at compile time: the fastest that serde_json can be asked for.
pub struct SerdeJson(pub Vec<Row>);

impl Engine for SerdeJson {
    fn all(&mut self) -> Duration {
        let mut out = Vec::new();
        timed(|| {
            for row in &self.0 {
                out.clear();
                serde_json::to_writer(&mut out, row).expect("it writes");
                std::hint::black_box(&out);
            }
        })
    }

    fn first(&mut self, row: usize) -> String {
        serde_json::to_string(&self.0[row]).expect("it writes")
    }
}

pub struct Stock {
    template: liquid::Template,
    rows: Vec<liquid::Object>,
}

impl Stock {
    pub fn new(source: &str, rows: &[Row]) -> Self {
        let parser = liquid::ParserBuilder::with_stdlib().build().expect("a parser");
        Self { template: parser.parse(source).expect("it compiles"), rows: rows.iter().map(Row::object).collect() }
    }
}

impl Engine for Stock {
    fn all(&mut self) -> Duration {
        let mut out = Vec::new();
        timed(|| {
            for row in &self.rows {
                out.clear();
                self.template.render_to(&mut out, row).expect("it renders");
                std::hint::black_box(&out);
            }
        })
    }

    fn first(&mut self, row: usize) -> String {
        self.template.render(&self.rows[row]).expect("it renders")
    }
}

pub struct LiquidJs {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl LiquidJs {
    pub fn new(package: &Path, source: &str, rows: &[Row]) -> std::io::Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("liquidjs.cjs");
        let mut child =
            Command::new("node").arg(script).arg(package).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let mut engine = Self { child, input, output: BufReader::new(output) };
        let rows: Vec<_> = rows.iter().map(Row::javascript).collect();
        writeln!(engine.input, "{}", serde_json::json!({ "template": source, "rows": rows }))?;
        Ok(engine)
    }

    fn ask(&mut self, what: &str) -> String {
        writeln!(self.input, "{what}").expect("LiquidJS is there");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("LiquidJS is there");
        serde_json::from_str(&line).expect("a text")
    }
}

impl Engine for LiquidJs {
    fn all(&mut self) -> Duration {
        Duration::from_micros(self.ask("all").parse().expect("microseconds"))
    }

    fn first(&mut self, row: usize) -> String {
        self.ask(&row.to_string())
    }
}

impl Drop for LiquidJs {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn timed(work: impl FnOnce()) -> Duration {
    let start = processor();
    work();
    processor() - start
}

fn processor() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

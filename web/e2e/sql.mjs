// Just enough of PostgreSQL's protocol to send statements through its socket: not every PostgreSQL comes with psql.
import { createConnection } from "node:net";

/** Sends `text`, which may hold several statements, and gives the first column of all rows that came. */
export function sql(socket, text) {
  return new Promise((done, failed) => {
    const connection = createConnection(socket);
    const values = [];
    let problem;
    let sent = false;
    let unread = Buffer.alloc(0);
    const message = (kind, body) => {
      const framed = Buffer.alloc(4);
      framed.writeInt32BE(body.length + 4);
      connection.write(Buffer.concat([Buffer.from(kind), framed, body]));
    };
    connection.on("error", failed);
    connection.on("close", () => failed(new Error("PostgreSQL closed the connection")));
    connection.on("connect", () => message("", Buffer.concat([Buffer.from([0, 3, 0, 0]), Buffer.from("user\0postgres\0database\0postgres\0\0")])));
    connection.on("data", (data) => {
      unread = Buffer.concat([unread, data]);
      while (unread.length >= 5 && unread.length > unread.readInt32BE(1)) {
        const [kind, length] = [String.fromCharCode(unread[0]), unread.readInt32BE(1)];
        const body = unread.subarray(5, length + 1);
        unread = unread.subarray(length + 1);
        if (kind === "D") values.push(body.readInt32BE(2) < 0 ? null : body.subarray(6, 6 + body.readInt32BE(2)).toString());
        if (kind === "E") problem ??= new Error(/\0M([^\0]*)/.exec(body.toString())?.[1] ?? body.toString());
        if (kind === "Z" && !sent) {
          sent = true;
          message("Q", Buffer.from(`${text}\0`));
        } else if (kind === "Z") {
          connection.removeAllListeners("close").end();
          if (problem) failed(problem);
          else done(values);
        }
      }
    });
  });
}

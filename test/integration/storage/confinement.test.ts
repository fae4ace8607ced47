/**
 * Goal: whoever may send SQL, as whatever user, gets at nothing of this machine but the database: no file, no command, no
 * other host, no signal to the process. Method: each known way out, against the real engine; a file with a secret in it
 * that must come out nowhere, and a marker that no command may leave.
 */
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { sendTo, type Reply } from "./plain-http.ts";

const SECRET = "93";
let directory = "";
let url = "";
let pid = 0;
let engine: EmbeddedEngine;
let stranger: Server;
let visits = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-confined-"));
  await writeFile(join(directory, "secret"), SECRET);
  stranger = createServer((_, response) => {
    visits += 1;
    response.end();
  });
  await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
  engine = new EmbeddedEngine({
    dataDir: join(directory, "data"),
    users: [{ name: "default" }, { name: "reader", password: "look", isReadOnly: true }],
  });
  ({ url, pid } = await engine.start());
  await ask("CREATE DATABASE t", "default");
});

afterAll(async () => {
  await engine.stop();
  await new Promise((resolve) => stranger.close(resolve));
  await rm(directory, { recursive: true, force: true });
});

function ask(statement: string, user: string, parameters: Readonly<Record<string, string>> = {}): Promise<Reply> {
  return sendTo(url, { body: statement, parameters: { user, password: "look", ...parameters } });
}

/** Statements, with the path of the secret, of a marker, and the address of a stranger to be put in. */
const WAYS_OUT = [
  // The function.
  "SELECT file('$SECRET')",
  "SELECT `file`('$SECRET')",
  "SELECT * APPLY file FROM (SELECT '$SECRET' AS a)",
  "SELECT * APPLY(file) FROM (SELECT '$SECRET' AS a)",
  "SELECT arrayMap(file, ['$SECRET'])",
  "SELECT arrayMap(x -> file(x), ['$SECRET'])",
  "SELECT * FROM view(SELECT file('$SECRET'))",
  "SELECT file('$SECRET') SETTINGS enable_analyzer = 0",
  "SELECT * APPLY file FROM (SELECT '$SECRET' AS a) SETTINGS enable_analyzer = 0",
  "SELECT file('$SECRET', 'default')",
  // In strings that are read as expressions.
  "SELECT * FROM null('a Date DEFAULT file(''$SECRET'')')",
  "SELECT * FROM null(concat('a Date DEFAULT fi', 'le(''$SECRET'')'))",
  "SELECT * FROM values('a UInt8, b String DEFAULT file(''$SECRET'')', (1, 'x'))",
  "SELECT * FROM format('Values', 'a String', '(file(''$SECRET''))')",
  "SELECT * FROM format('Values', 'a String', '(file(''$SECRET''))') SETTINGS enable_analyzer = 0",
  "SELECT 1 SETTINGS additional_result_filter = 'file(\\'$SECRET\\') = 0'",
  "SELECT 1 FROM system.one SETTINGS additional_table_filters = {'system.one': 'file(\\'$SECRET\\') = 0'}",
  "SELECT 1 FROM system.one SETTINGS enable_analyzer = 0, additional_table_filters = {'system.one': 'file(\\'$SECRET\\') = 0'}",
  // Table functions and clauses.
  "SELECT * FROM file('$SECRET', 'LineAsString')",
  "SELECT * FROM `$SECRET`",
  "SELECT * FROM filesystem('/etc')",
  "SELECT * FROM url('http://$STRANGER/', 'LineAsString')",
  "SELECT * FROM remote('$STRANGER', 'system', 'one')",
  "SELECT * FROM executable('touch $MARKER', 'TSV', 'a String')",
  "SELECT * FROM s3('http://$STRANGER/bucket/key', 'LineAsString')",
  "SELECT 1 INTO OUTFILE '$MARKER'",
  "SELECT 1 INTO/**/OUTFILE '$MARKER'",
];

const WAYS_OUT_OF_WRITERS = [
  "INSERT INTO t.raw FROM INFILE '$SECRET' FORMAT LineAsString",
  "INSERT INTO FUNCTION file('$MARKER', 'TSV') SELECT 1",
  "CREATE TABLE t.f (a String) ENGINE = File(TSV)",
  "CREATE TABLE t.u (a String) ENGINE = URL('http://$STRANGER/', TSV)",
  "CREATE TABLE t.d (a String) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '$MARKER/')",
  "CREATE TABLE t.d (a String) ENGINE = MergeTree ORDER BY a SETTINGS disk = `disk`(type = local, path = '$MARKER/')",
  "CREATE TABLE t.e (a String) ENGINE = Executable('touch $MARKER', TSV)",
  "SELECT * FROM t.e",
  "CREATE DATABASE fs ENGINE = Filesystem('/etc')",
  "CREATE DATABASE sq ENGINE = SQLite('$MARKER')",
  "CREATE DICTIONARY t.c (k String, v String) PRIMARY KEY k SOURCE(EXECUTABLE(command 'touch $MARKER' format 'TSV')) LAYOUT(COMPLEX_KEY_HASHED()) LIFETIME(0)",
  "CREATE DICTIONARY t.h (k String, v String) PRIMARY KEY k SOURCE(HTTP(url 'http://$STRANGER/' format 'TSV')) LAYOUT(COMPLEX_KEY_HASHED()) LIFETIME(0)",
  "ATTACH DICTIONARY t.c (k String, v String) PRIMARY KEY k SOURCE(EXECUTABLE(command 'touch $MARKER' format 'TSV')) LAYOUT(COMPLEX_KEY_HASHED()) LIFETIME(0)",
  "DROP FUNCTION file",
  "CREATE OR REPLACE FUNCTION file AS x -> x",
  "CREATE FUNCTION mine AS x -> x",
  "BACKUP DATABASE t TO File('$MARKER')",
  "BACKUP DATABASE t TO S3('http://$STRANGER/b/c', 'a', 'b')",
  "RESTORE DATABASE t FROM S3('http://$STRANGER/b/c', 'a', 'b')",
  "CREATE NAMED COLLECTION c AS url = 'http://$STRANGER/'",
  "SYSTEM SHUTDOWN",
  "SYSTEM KILL",
];

test("no way out gives the secret, leaves a marker, reaches another host or ends the engine", async () => {
  const marker = join(directory, "marker");
  const port = (stranger.address() as AddressInfo).port;
  const attempts = [
    ...WAYS_OUT.flatMap((way) => [
      { way, user: "reader" },
      { way, user: "default" },
    ]),
    ...WAYS_OUT_OF_WRITERS.map((way) => ({ way, user: "default" })),
  ];
  for (const { way, user } of attempts) {
    const statement = way
      .replaceAll("$SECRET", join(directory, "secret"))
      .replaceAll("$MARKER", marker)
      .replaceAll("$STRANGER", `127.0.0.1:${port}`);
    const reply = await ask(statement, user);
    // A structure may name the function in a default that nobody asks for, and a table a command that is not run.
    const isHarmless = /FROM (?:null|values)\(|ENGINE = Executable/.test(statement) && reply.status === 200;
    expect(isHarmless || reply.status >= 400, `${user}: ${statement}: ${reply.text}`).toBe(true);
    expect(reply.text.replaceAll(directory, "").replaceAll(`:${port}`, ""), `${user}: ${statement}`).not.toContain(
      SECRET,
    );
  }
  expect(existsSync(marker)).toBe(false);
  expect(visits).toBe(0);
  expect(engine.pid).toBe(pid);
  expect((await ask("SELECT 1", "reader")).text).toBe("1\n");
});

test("a default that reads a file fails when it is used", async () => {
  const path = join(directory, "secret");
  await ask(`CREATE TABLE t.leak (a UInt8, b String DEFAULT file('${path}')) ENGINE = MergeTree ORDER BY a`, "default");
  const inserted = await ask("INSERT INTO t.leak (a) VALUES (1)", "default");
  expect(inserted.status, inserted.text).toBeGreaterThanOrEqual(400);
  const values = await ask(`INSERT INTO t.leak (a, b) VALUES (1, file('${path}'))`, "default");
  expect(values.status, values.text).toBeGreaterThanOrEqual(400);
});

test("settings in the URL, too, can't read a file", async () => {
  const filter = `file('${join(directory, "secret")}') = '${SECRET}'`;
  for (const user of ["reader", "default"]) {
    const reply = await ask("SELECT 1", user, { additional_result_filter: filter });
    expect(reply.status, reply.text).toBeGreaterThanOrEqual(400);
  }
});

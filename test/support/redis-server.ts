import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownPort } from "./own-ports.ts";

/** A real redis-server on loopback with its own directory. It can be killed and started again on the same port. */
export class RedisServer {
  readonly port: number;
  readonly #dir: string;
  readonly #args: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(dir: string, port: number, args: readonly string[]) {
    this.#dir = dir;
    this.port = port;
    this.#args = args;
  }

  /** Why a test with it can't run here; `undefined` where it can. In CI it must, so there it is never a reason. */
  static missing(): string | undefined {
    if (process.env["CI"] === "true" || spawnSync("redis-server", ["--version"]).status === 0) return undefined;
    return "skipped: Debian's package `redis-server` is not installed";
  }

  /** With AOF `always`, as the ledger wants it, unless `args` say otherwise. */
  static async start(
    args: readonly string[] = ["--appendonly", "yes", "--appendfsync", "always"],
  ): Promise<RedisServer> {
    const server = new RedisServer(await mkdtemp(join(tmpdir(), "tollgate-redis-")), await ownPort(), args);
    await server.run();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts it; resolves when it answers. */
  async run(): Promise<void> {
    const args = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#dir, "--save", "", ...this.#args];
    this.#process = spawn("redis-server", args, { stdio: "ignore" });
    await once(this.#process, "spawn").catch((error: unknown) => {
      throw new Error("these tests need `redis-server` 7 or newer (Debian: apt-get install redis-server)", {
        cause: error,
      });
    });
    while (!/^(\+PONG|-NOAUTH)/.test(await this.command(["PING"])))
      await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Kills it; resolves when it is gone. */
  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGCONT");
    child.kill(signal);
    await gone;
  }

  /** Ends it for good. */
  async remove(): Promise<void> {
    await this.kill();
    await rm(this.#dir, { recursive: true, force: true });
  }

  /** One command on a connection of its own: the first bytes of the answer as they came, or an error's name. */
  command(args: readonly string[]): Promise<string> {
    const parts = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`);
    return new Promise((resolve) => {
      const socket = connect(this.port, "127.0.0.1", () => socket.write(`*${args.length}\r\n${parts.join("")}`));
      const end = (text: string): void => {
        socket.destroy();
        resolve(text);
      };
      socket.once("data", (data) => end(data.toString("latin1")));
      socket.once("error", (error) => end(error.name));
    });
  }
}

import { connect, type Socket } from "node:net";

const HEAD_END = Buffer.from("\r\n\r\n");
const NOTHING = Buffer.alloc(0);

/** One kept-alive connection, one request at a time. */
export class Connection {
  readonly #socket: Socket;
  readonly #host: string;
  #received: Buffer = NOTHING;
  #answered: (body: string) => void = () => {};

  private constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.#host = host;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  static async open({ hostname, port, host }: URL): Promise<Connection> {
    const socket = connect(Number(port), hostname);
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new Connection(socket, host);
  }

  post(path: string, body: string): Promise<string> {
    this.#socket.write(
      `POST ${path} HTTP/1.1\r\nhost: ${this.#host}\r\ncontent-type: application/json\r\n` +
        `content-length: ${body.length}\r\n\r\n${body}`,
    );
    return new Promise((resolve) => (this.#answered = resolve));
  }

  end(): void {
    this.#socket.end();
  }

  #read(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const received = this.#received;
    const headEnd = received.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const lengthAt = received.indexOf("ontent-length: ", 0, "latin1");
    const length = Number.parseInt(received.toString("latin1", lengthAt + 15, lengthAt + 23), 10);
    if (received.length < headEnd + HEAD_END.length + length) return;
    this.#received = NOTHING;
    this.#answered(received.toString("latin1", headEnd + HEAD_END.length));
  }
}

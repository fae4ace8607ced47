import { connect, type Socket } from "node:net";

const HEAD_END = "\r\n\r\n";
const LENGTH_NAME = "ontent-length: ";
/** An answer is far below it. */
const ANSWER_BYTES_MAX = 4_096;

/**
 * One kept-alive connection, one request at a time. It reads into one buffer and makes as little as it can of what comes: every
 * microsecond of the client is one that the server does not have.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #head: string;
  readonly #received: Buffer;
  #length = 0;
  #answered: (body: string) => void = () => {};

  private constructor(socket: Socket, head: string, received: Buffer) {
    this.#socket = socket;
    this.#head = head;
    this.#received = received;
    socket.setNoDelay(true);
  }

  static async open({ hostname, port, host }: URL): Promise<Connection> {
    const chunk = Buffer.allocUnsafe(ANSWER_BYTES_MAX);
    const opened: { connection?: Connection } = {};
    const onread = {
      buffer: chunk,
      callback: (bytes: number): boolean => {
        // Nothing comes before something was asked.
        if (opened.connection !== undefined) opened.connection.#read(chunk, bytes);
        return true;
      },
    };
    const socket = connect({ port: Number(port), host: hostname, onread });
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    const head = ` HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: `;
    return (opened.connection = new Connection(socket, head, Buffer.allocUnsafe(ANSWER_BYTES_MAX)));
  }

  /** The body in ASCII. */
  post(path: string, body: string, answered: (body: string) => void): void {
    this.#answered = answered;
    this.#socket.write(`POST ${path}${this.#head}${body.length}${HEAD_END}${body}`, "latin1");
  }

  end(): void {
    this.#socket.end();
  }

  #read(chunk: Buffer, bytes: number): void {
    chunk.copy(this.#received, this.#length, 0, bytes);
    this.#length += bytes;
    const text = this.#received.toString("latin1", 0, this.#length);
    const headEnd = text.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const lengthAt = text.indexOf(LENGTH_NAME) + LENGTH_NAME.length;
    const end = headEnd + HEAD_END.length + Number.parseInt(text.slice(lengthAt, lengthAt + 8), 10);
    if (text.length < end) return;
    this.#length = 0;
    this.#answered(text.slice(headEnd + HEAD_END.length));
  }
}

import type { Notify } from "../../component/notice.ts";
import type { WriteFileDurably } from "../../pipeline/spool/block-store.ts";
import type { Clock } from "../../support/clock.ts";

export interface OtlpExporterDependencies {
  /** Its key in tollgate.yaml: `otlp/tempo`. Names it in notices. */
  readonly name: string;
  /** Where its queue is, of its own: one process and one exporter at a time. */
  readonly directory: string;
  /** What the paths of the TLS files are relative to. */
  readonly configDirectory: string;
  /** Of the `user-agent` header. */
  readonly version: string;
  readonly clock: Clock;
  readonly notify: Notify;
  /** For tests of full disks. */
  readonly writeFile?: WriteFileDurably;
}

import type { Factory } from "../../component/factory.ts";
import { type OtlpReceiverConfig, otlpReceiverConfig } from "./config.ts";
import { OtlpReceiver, type OtlpReceiverDependencies } from "./otlp-receiver.ts";

export const otlpReceiverFactory: Factory<OtlpReceiverConfig, OtlpReceiverDependencies, OtlpReceiver> = {
  type: "otlp",
  config: otlpReceiverConfig,
  create: (config, dependencies) => new OtlpReceiver(config, dependencies),
};

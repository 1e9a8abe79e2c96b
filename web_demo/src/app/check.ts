import { type Bundle, type Device, type ModelRuntime, passed, selfCheck, type SelfCheckReport } from "fer-export-web";
import { drawn, pixels } from "./photos.js";
import type { Words } from "./words.js";

const element = (id: string): HTMLElement => document.getElementById(id)!;

/** The dialog that replays the golden vectors in this browser and shares what it found. */
export class CheckDialog {
  private report: SelfCheckReport | null = null;
  private readonly dialog = element("check-dialog") as HTMLDialogElement;
  private readonly run = element("check-run") as HTMLButtonElement;

  constructor(
    private words: Words,
    private readonly bundle: Bundle,
    private readonly runtime: ModelRuntime,
  ) {
    element("check").addEventListener("click", () => this.dialog.showModal());
    element("check-close").addEventListener("click", () => this.dialog.close());
    element("check-share").addEventListener("click", () => void this.share());
    this.run.addEventListener("click", () => void this.start());
  }

  translate(words: Words): void {
    this.words = words;
    if (this.report) this.show(this.report);
  }

  private async start(): Promise<void> {
    this.run.disabled = true;
    element("check-share").hidden = true;
    try {
      this.report = await selfCheck(this.bundle, {
        runtime: this.runtime,
        device: device(),
        decode,
        // What is on this device already: the file that an app should take.
        variants: (variant) => variant === this.bundle.manifest.preferred,
        progress: (step, steps) => {
          element("check-result").textContent = this.words.of("check_running", step, steps);
        },
      });
      this.show(this.report);
    } catch (error) {
      element("check-result").textContent = this.words.of("failed", (error as Error).message);
    } finally {
      this.run.disabled = false;
    }
  }

  private show(report: SelfCheckReport): void {
    const { words } = this;
    const { photos } = report;
    const lines = [
      words.of(passed(report) ? "check_passed" : "check_differs"),
      words.of("check_photos", photos.equal_photos, photos.photos),
      words.of("check_crops", photos.equal_crops, photos.crops),
      words.of("check_faces", photos.faces - photos.missing_faces, photos.faces, photos.foreign_faces, photos.box_distance),
      ...report.variants.map((one) =>
        words.of(
          "check_variant",
          one.file.split("/").at(-1)!,
          words.number(one.largest_difference, 6),
          words.number(one.agreement * 100, 0),
          one.vectors,
          words.number(one.p50_ms, 1),
        ),
      ),
      `${report.runtime}, ${report.device.model}, ${report.device.os}`,
    ];
    element("check-result").replaceChildren(
      ...lines.map((line, at) => {
        const item = document.createElement("p");
        item.textContent = line;
        item.className = at ? "small" : "verdict";
        return item;
      }),
    );
    element("check-share").hidden = false;
  }

  private async share(): Promise<void> {
    const text = JSON.stringify(this.report, null, 2);
    const file = new File([text], "self-check.json", { type: "application/json" });
    if (navigator.canShare?.({ files: [file] })) {
      await navigator.share({ files: [file] }).catch(() => {});
      return;
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = file.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
}

async function decode(png: Uint8Array): Promise<ImageData> {
  const bitmap = await createImageBitmap(new Blob([new Uint8Array(png)], { type: "image/png" }), {
    colorSpaceConversion: "none",
  });
  return pixels(drawn(bitmap, bitmap.width, bitmap.height));
}

/** The browser in words; it says little of the machine below. */
function device(): Device {
  const agent = navigator.userAgent;
  const browser = /(Edg|OPR|Firefox|Chrome|Version)\/[\d.]+/.exec(agent)?.[0].replace("Version", "Safari") ?? "browser";
  const system = /\(([^)]*)\)/.exec(agent)?.[1] ?? navigator.platform;
  return { model: browser.replace("/", " "), cpu: `${navigator.hardwareConcurrency} cores`, abi: "wasm32", os: system };
}

// @ts-check
// The engine computes layouts with Graphviz, which is in the report as compressed
// JavaScript with WebAssembly. It runs in a worker, so that the page stays responsive and a
// layout that takes too long can be stopped.

const limit = 15_000; // milliseconds of a layout

// The script of the worker, which runs after that of Graphviz. Graphviz defines Viz.
const workerScript = `
let viz;
onmessage = async ({ data: { id, dot } }) => {
  try {
    viz ??= await Viz.instance();
    const result = dot && viz.render(dot, { format: "json0" });
    if (dot && result.status !== "success") throw new Error(result.errors.map((e) => e.message).join("; "));
    postMessage({ id, answer: dot ? result.output : "" });
  } catch (error) {
    viz = undefined; // a failure may leave Graphviz unusable
    postMessage({ id, error: String(error.message || error) });
  }
};
`;

export class Engine {
  // encoded is the script of Graphviz, compressed by gzip and encoded in base64.
  constructor(encoded) {
    this.encoded = encoded;
    this.worker = null; // a promise of the worker
    this.last = 0;
    this.pending = new Map(); // functions that end a layout, by its id
  }

  // start loads Graphviz, so that the first layout is fast.
  start() { return this.layout(""); }

  // layout returns the layout of a graph in the language of Graphviz, in its format json0.
  // Layouts of the same engine wait for each other.
  async layout(dot) {
    this.worker ??= this.load();
    const worker = await this.worker, id = ++this.last;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.stop(`the layout was stopped after ${limit / 1000} s`), limit);
      this.pending.set(id, (answer, error) => {
        clearTimeout(timer);
        this.pending.delete(id);
        if (error === undefined) resolve(answer);
        else reject(new Error(error));
      });
      worker.onmessage = ({ data }) => this.pending.get(data.id)?.(data.answer, data.error);
      worker.onerror = (event) => {
        event.preventDefault();
        this.stop(event.message || "the worker failed");
      };
      worker.postMessage({ id, dot });
    });
  }

  // stop ends all layouts, with an error. The next one starts a new worker.
  stop(why) {
    this.worker?.then((worker) => worker.terminate(), () => {});
    this.worker = null;
    for (const done of [...this.pending.values()]) done(undefined, why);
  }

  async load() {
    const bytes = Uint8Array.from(atob(this.encoded), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const url = URL.createObjectURL(new Blob([await new Response(stream).blob(), workerScript], { type: "text/javascript" }));
    try {
      return new Worker(url);
    } finally {
      setTimeout(() => URL.revokeObjectURL(url), 10_000); // a browser may load the worker with some delay
    }
  }
}

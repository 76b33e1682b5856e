// This script reads a JSON array of Mermaid texts from standard input, lets Mermaid parse
// each or lay it out, and writes a JSON array of the results. The arguments are the directory
// in which mermaid and jsdom are installed, and the task: parse or layout.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const modules = createRequire(join(process.argv[2], 'node_modules', 'here.js'));
const { JSDOM } = modules('jsdom');
globalThis.window = new JSDOM('', { pretendToBeVisual: true }).window; // the parser sanitizes labels with it
globalThis.document = window.document;
for (const name of ['Element', 'SVGElement', 'HTMLElement', 'Node', 'DOMParser', 'XMLSerializer', 'CSSStyleSheet', 'getComputedStyle']) globalThis[name] = window[name];
// jsdom measures no text, but the layout needs sizes.
window.SVGElement.prototype.getBBox = () => ({ x: 0, y: 0, width: 120, height: 40 });
window.SVGElement.prototype.getComputedTextLength = () => 100;
window.SVGElement.prototype.getTotalLength = () => 100;
window.SVGElement.prototype.getPointAtLength = () => ({ x: 0, y: 0 });
const { default: mermaid } = await import(pathToFileURL(modules.resolve('mermaid')));

// decoded replaces the internal notation of codes such as #34; by their characters.
const decoded = s => s.replace(/ﬂ°°(\d+)¶ß/g, (_, n) => String.fromCodePoint(n));

async function parse(text) {
	try {
		await mermaid.parse(text);
		const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
		if (db.getMessages) { // a sequence diagram
			return {
				actors: [...db.getActors().values()].map(a => ({ id: a.name, text: decoded(a.description) })),
				messages: db.getMessages().filter(m => m.message).map(m => ({ from: m.from, to: m.to, text: decoded(typeof m.message === 'string' ? m.message : '') })),
			};
		}
		return {
			nodes: [...db.getVertices().values()].map(v => ({ id: v.id, text: decoded(v.text), type: v.type, classes: v.classes })),
			edges: db.getEdges().map(e => ({ from: e.start, to: e.end, text: decoded(e.text), stroke: e.stroke, style: e.style ?? [] })),
			boxes: db.getSubGraphs().map(s => ({ text: decoded(s.title), nodes: s.nodes })),
		};
	} catch (err) {
		return { error: String(err) };
	}
}

async function layout(text) {
	try {
		const { svg } = await mermaid.render('image', text);
		return { lines: (svg.match(/<path[^>]*flowchart-link|<(line|path)[^>]*class="messageLine/g) ?? []).length };
	} catch (err) {
		return { error: String(err) };
	}
}

const run = { parse, layout }[process.argv[3]];
if (run === layout) mermaid.initialize({ startOnLoad: false, flowchart: { htmlLabels: false } });
const answers = [];
for (const text of JSON.parse(readFileSync(0, 'utf8'))) answers.push(await run(text));
process.stdout.write(JSON.stringify(answers));

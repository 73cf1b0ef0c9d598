// The part of markdown that the vendors' clients understand, as nodes: text from outside never becomes HTML.

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((each) => each !== null && each !== undefined && each !== ""));
  return node;
}

const NAMED = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'", nbsp: "\u00a0" };
const COLOURS = new Set(["red", "green", "orange", "yellow", "grey", "blue"]);

// `names` tells what a person is called. Lark has tags and entities besides; in a plain text it has only the first.
export function markdown(text, { vendor = "lark", names = (id) => id } = {}) {
  const box = el("div", { class: "md" });
  const lines = text.replace(/\r/g, "").split("\n");
  let at = 0;
  const inline = (line) => runs(line, vendor, names);
  const gather = (pattern) => {
    const found = [];
    while (at < lines.length && pattern.test(lines[at])) found.push(lines[at++].replace(pattern, ""));
    return found;
  };
  while (at < lines.length) {
    const line = vendor === "dingtalk" ? lines[at].trimStart() : lines[at];
    lines[at] = line;
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (heading) {
      box.append(el(`h${heading[1].length}`, {}, inline(heading[2])));
      at += 1;
    } else if (/^```/.test(line)) {
      const code = [];
      for (at += 1; at < lines.length && !/^```/.test(lines[at]); at += 1) code.push(lines[at]);
      at += 1;
      box.append(el("pre", {}, code.join("\n")));
    } else if (/^\s*(-{3,}|\*{3,})\s*$/.test(line)) {
      box.append(el("hr"));
      at += 1;
    } else if (/^>\s?/.test(line)) {
      box.append(el("blockquote", {}, gather(/^>\s?/).map((each) => el("div", {}, inline(each)))));
    } else if (/^[-*+]\s+/.test(line)) {
      box.append(el("ul", {}, gather(/^[-*+]\s+/).map((each) => el("li", {}, inline(each)))));
    } else if (/^\d{1,9}\.\s+/.test(line)) {
      const start = /^\d+/.exec(line)[0];
      box.append(el("ol", { start }, gather(/^\d{1,9}\.\s+/).map((each) => el("li", {}, inline(each)))));
    } else {
      if (line.trim()) box.append(el("div", {}, inline(line)));
      at += 1;
    }
  }
  return box;
}

// What Lark makes of the text of a text message: mentions, nothing else.
export function plain(text, names) {
  return text.split(/(<at\s+user_id="[^"]*">[^<]*<\/at>)/).map((part) => {
    const found = /^<at\s+user_id="([^"]*)">([^<]*)<\/at>$/.exec(part);
    return found ? mention(found[1], found[2], names) : part;
  });
}

function mention(id, name, names) {
  return el("span", { class: "at", data: { at: id } }, id === "all" ? "@all" : `@${name || names(id)}`);
}

function runs(text, vendor, names) {
  const rules = [
    [/^`([^`\n]+)`/, (m) => el("code", {}, m[1])],
    [/^!\[([^\]]*)\]\([^)\s]*\)/, (m) => `[${m[1]}]`],
    [/^\[([^\]]+)\]\(([^)\s]+)\)/, (m) => link(m[2], runs(m[1], vendor, names), m[0])],
    [/^\*\*(?=\S)([\s\S]+?)\*\*/, (m) => el("strong", {}, runs(m[1], vendor, names))],
    [/^~~(?=\S)([\s\S]+?)~~/, (m) => el("del", {}, runs(m[1], vendor, names))],
    [/^\*(?=[^\s*])([^*\n]+)\*/, (m) => el("em", {}, runs(m[1], vendor, names))],
    [/^https?:\/\/[^\s<>"'）)\]]+/, (m) => link(m[0], [m[0]], m[0])],
    ...(vendor === "lark"
      ? [
          [/^&#(\d{1,6});/, (m) => String.fromCodePoint(Math.min(Number(m[1]), 0x10ffff))],
          [/^&(lt|gt|amp|quot|apos|nbsp);/, (m) => NAMED[m[1]]],
          [/^<br\s*\/?>/, () => el("br")],
          [/^<at\s+(?:user_id|id)=["']?([^"'>\s]+)["']?\s*>([^<]*)<\/at>/, (m) => mention(m[1], m[2], names)],
          [
            /^<font\s+color=["']?([a-z]+)["']?\s*>([\s\S]*?)<\/font>/,
            (m) => el("span", { class: COLOURS.has(m[1]) ? m[1] : "" }, runs(m[2], vendor, names)),
          ],
          [/^<text_tag\s+color=["']?[a-z]+["']?\s*>([\s\S]*?)<\/text_tag>/, (m) => el("span", { class: "tag" }, m[1])],
        ]
      : []),
  ];
  const found = [];
  let rest = text;
  let kept = "";
  const keep = () => {
    if (kept) found.push(kept);
    kept = "";
  };
  next: while (rest) {
    for (const [pattern, make] of rules) {
      const match = pattern.exec(rest);
      if (match) {
        keep();
        found.push(make(match));
        rest = rest.slice(match[0].length);
        continue next;
      }
    }
    const letter = String.fromCodePoint(rest.codePointAt(0));
    kept += letter;
    rest = rest.slice(letter.length);
  }
  keep();
  return found.flat();
}

function link(url, children, source) {
  return /^https?:\/\//.test(url)
    ? el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, children)
    : source;
}

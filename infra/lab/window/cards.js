// Messages as the vendors' clients draw them. A button is known by its number among the buttons of its card.

import { el, markdown, plain } from "./markdown.js";

// `view`: {vendor, names(id), person, templates, press(post, number, confirm), say(key)}
export function drawn(post, view) {
  const { kind, content } = post;
  if (view.vendor === "lark") {
    if (kind === "interactive") return larkCard(post, view);
    if (kind === "text") return el("div", { class: "bubble" }, post.by ? calls(content.text) : plain(content.text, view.names));
    if (kind === "post") return larkPost(content, view);
  } else {
    if (kind === "interactiveCard") return dingCard(post, view);
    if (kind === "text" || kind === "sampleText") {
      const text = content.text ?? content.content;
      return el("div", { class: "bubble" }, post.by ? calls(text) : text);
    }
    if (kind === "markdown" || kind === "sampleMarkdown") {
      const box = markdown(content.text, view);
      box.classList.add("bubble");
      return box;
    }
    if (/ActionCard/i.test(kind)) return linkCard(content, view);
  }
  return el("div", { class: "bubble grey" }, `[${kind}]`);
}

function calls(text) {
  return text.split(/(@Rollcall|@all)/).map((part) => (/^@/.test(part) ? el("span", { class: "at" }, part) : part));
}

// --- Lark: Card JSON 2.0 and rich text

function larkCard(post, view) {
  const { header, body } = post.content;
  const numbers = { next: 0 };
  const box = el("div", { class: "bubble card" });
  if (header) {
    const subtitle = header.subtitle ? el("small", {}, header.subtitle.content) : null;
    box.append(el("div", { class: `head ${header.template || "default"}` }, header.title.content, subtitle));
  }
  box.append(el("div", { class: "body" }, body.elements.map((each) => element(each, post, view, numbers))));
  return box;
}

function element(item, post, view, numbers) {
  switch (item.tag) {
    case "markdown":
      return markdown(item.content, view);
    case "div":
      if (item.text.tag === "lark_md") return markdown(item.text.content, view);
      return el("div", { class: `text ${item.text.text_color || ""}` }, item.text.content);
    case "hr":
      return el("hr");
    case "column_set": {
      const even = item.columns.some((each) => each.width === "weighted");
      const columns = item.columns.map((column) =>
        el("div", {}, column.elements.map((each) => element(each, post, view, numbers))),
      );
      return el("div", { class: `columns ${item.flex_mode === "stretch" ? "stretch" : even ? "even" : ""}` }, columns);
    }
    case "collapsible_panel":
      return el(
        "details",
        { open: item.expanded },
        el("summary", {}, item.header.title?.content ?? ""),
        item.elements.map((each) => element(each, post, view, numbers)),
      );
    case "table":
      return table(item, view);
    case "button":
      return larkButton(item, post, view, numbers.next++);
    default:
      return el("div", { class: "grey" }, `[${item.tag}]`);
  }
}

function larkButton(item, post, view, number) {
  const opens = item.behaviors?.find((each) => each.type === "open_url");
  const weight = (item.type || "default").replace(/_(text|filled)$/, "");
  const confirm = item.confirm && { title: item.confirm.title.content, text: item.confirm.text.content };
  return button(item.text.content, weight, item.disabled, async () => {
    if (opens) window.open(opens.default_url, "_blank", "noopener");
    if (item.behaviors?.some((each) => each.type === "callback")) await view.press(post, number, confirm);
  });
}

function button(label, weight, disabled, act) {
  const made = el("button", { type: "button", class: `press ${weight}`, disabled }, label);
  made.addEventListener("click", async () => {
    made.disabled = true;
    try {
      await act();
    } finally {
      made.disabled = Boolean(disabled);
    }
  });
  return made;
}

function table(item, view) {
  const size = item.page_size || 5;
  const box = el("div");
  let page = 0;
  const pages = Math.max(1, Math.ceil(item.rows.length / size));
  const cell = (column, value) => {
    if (value === undefined || value === null) return "";
    const words = Array.isArray(value) ? value.map((each) => each.text ?? each).join(", ") : String(value);
    return ["markdown", "lark_md"].includes(column.data_type) ? markdown(words, view) : words;
  };
  const draw = () => {
    const rows = item.rows.slice(page * size, (page + 1) * size);
    const head = item.columns.map((each) => el("th", {}, each.display_name ?? each.name));
    const lines = rows.map((row) => el("tr", {}, item.columns.map((each) => el("td", {}, cell(each, row[each.name])))));
    const turn = (by) => () => {
      page += by;
      draw();
    };
    const pager = el(
      "div",
      { class: "pages" },
      el("button", { type: "button", disabled: page === 0, onclick: turn(-1) }, "‹"),
      `${page + 1} / ${pages}`,
      el("button", { type: "button", disabled: page === pages - 1, onclick: turn(1) }, "›"),
    );
    const sheet = el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, lines));
    box.replaceChildren(el("div", { class: "scroll" }, sheet), ...(pages > 1 ? [pager] : []));
  };
  draw();
  return box;
}

function larkPost(content, view) {
  const said = content[view.lang === "zh" ? "zh_cn" : "en_us"] ?? Object.values(content)[0];
  const run = (each) => {
    if (each.tag === "a") return /^https?:\/\//.test(each.href) ? el("a", { href: each.href, rel: "noopener noreferrer", target: "_blank" }, each.text) : each.text;
    if (each.tag === "at") return el("span", { class: "at", data: { at: each.user_id } }, `@${view.names(each.user_id)}`);
    if (each.tag === "md") return markdown(each.text, view);
    return each.text ?? "";
  };
  const lines = said.content.map((line) => el("div", {}, line.map(run)));
  return el("div", { class: "bubble" }, said.title ? el("strong", {}, said.title) : null, lines);
}

// --- DingTalk: cards of a template, and those whose buttons are links

function dingCard(post, view) {
  const template = view.templates[post.content.cardTemplateId];
  const values = { ...post.content.cardParamMap, ...(post.private[view.person] || {}) };
  const of = (name) => (name && values[name]) || "";
  const texts = template.texts.map(of).filter(Boolean);
  const shown = template.buttons.filter((each) => !each.shown || of(each.shown) === "true");
  const press = shown.map((each, number) =>
    button(of(each.label), number ? "" : "primary", false, () => view.press(post, number, null)),
  );
  return el(
    "div",
    { class: "bubble card" },
    el("div", { class: "head" }, `${of(template.status)} ${of(template.title)}`.trim()),
    el(
      "div",
      { class: "body" },
      texts.map((each) => markdown(each, view)),
      of(template.note) ? el("div", { class: "note" }, of(template.note)) : null,
      press.length ? el("div", { class: "columns" }, press) : null,
    ),
  );
}

function linkCard(content, view) {
  const links = content.btns ?? [{ title: content.singleTitle, actionURL: content.singleURL }];
  const buttons = links
    .filter((each) => each.title)
    .map((each) => button(each.title, "", false, async () => window.open(each.actionURL, "_blank", "noopener")));
  const body = el("div", { class: "body" }, markdown(content.text, view), el("div", { class: "columns" }, buttons));
  return el("div", { class: "bubble card" }, el("div", { class: "head" }, content.title), body);
}

// The window: chats on the left, one of them in the middle, the directory on the right; on a phone one at a time.

import { drawn } from "./cards.js";
import { el } from "./markdown.js";

const WORDS = {
  lab: ["a simulated company on this machine", "本机上的模拟公司"],
  send: ["Send", "发送"],
  chats: ["Chats", "会话"],
  talk: ["Talk", "对话"],
  directory: ["Directory", "通讯录"],
  company: ["Company", "公司"],
  other: ["+ somebody else", "＋ 换一个人"],
  as: ["you are", "你是"],
  direct: ["with the bot alone", "与机器人单聊"],
  nothing: ["Nothing was said here yet. Type help.", "还没有消息。输入“帮助”试试。"],
  edited: ["edited", "已更新"],
  answers: ["in answer to", "回复"],
  find: ["Find a person or department", "查找人员或部门"],
  people: ["people with access", "人有访问权限"],
  noDirectory: ["No directory yet: nothing was synced.", "尚无通讯录：还没有同步过。"],
  news: ["Just changed", "刚刚发生的变化"],
  hire: ["Hire", "入职"],
  fire: ["Fire", "离职"],
  name: ["Name", "姓名"],
  department: ["Department", "部门"],
  where: ["What happens here, happens at the vendor: Rollcall has to find out.", "这里的变动发生在厂商一侧，Rollcall 需自行获知。"],
  yes: ["Confirm", "确定"],
  no: ["Cancel", "取消"],
  fireSure: ["Let this person go?", "确定让此人离职？"],
  type: ["Type to the bot", "给机器人发消息"],
  typeGroup: ["Call the bot with @Rollcall", "用 @Rollcall 呼叫机器人"],
  pick: ["Who do you want to be?", "你想成为谁？"],
  company0: ["(the company itself)", "（公司本身）"],
  offline: ["The lab does not answer: was it stopped?", "实验室没有响应，可能已停止。"],
};
const HINTS = [
  ["help", "帮助"],
  ["status", "状态"],
  ["sources", "来源"],
  ["sync now", "立即同步"],
];
const STATE_MS = 500;
const DIRECTORY_MS = 2500;
const TOAST_MS = 4500;

const $ = (id) => document.getElementById(id);
let lang = localStorage.getItem("lang") || (navigator.language.startsWith("zh") ? "zh" : "en");
let state = { version: "", places: [] };
let chosen = null; // {place, chat}
let speakers = {}; // place/chat -> person
let toasted = null; // place -> serial
let heard = {}; // chat -> how many posts were seen
let drawnPosts = new Map();
let directory = null;
let news = [];
let find = "";
let tab = "directory";

const say = (key) => WORDS[key][lang === "zh" ? 1 : 0];
const placeOf = (name) => state.places.find((each) => each.name === name);
const nameOf = (place, id) => place.names[id] || id;

async function ask(path, body) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  const answer = await fetch(path, options);
  const document = await answer.json();
  if (!answer.ok) throw new Error(document.error || answer.statusText);
  return document;
}

async function act(body) {
  try {
    return (await ask("do", body)).result;
  } catch (error) {
    toast("error", "", error.message);
    return null;
  } finally {
    await refresh();
  }
}

// --- state

async function refresh() {
  let fresh;
  try {
    fresh = await ask(`state?seen=${encodeURIComponent(state.version)}`);
  } catch {
    $("title").classList.add("red");
    $("title").replaceChildren(say("offline"));
    return;
  }
  if (!fresh.places) {
    if ($("title").classList.contains("red")) draw();
    return;
  }
  state = fresh;
  if (!chosen || !currentChat()) choose(state.places[0]?.name, state.places[0]?.chats[0]?.chat, false);
  showToasts();
  draw();
}

function currentChat() {
  return chosen && placeOf(chosen.place)?.chats.find((each) => each.chat === chosen.chat);
}

function speaker(place, chat) {
  if (chat.direct) return chat.people[0];
  const key = `${place.name}/${chat.chat}`;
  const featured = Object.keys(place.featured).find((each) => chat.people.includes(each));
  return chat.people.includes(speakers[key]) ? speakers[key] : featured || chat.people[0];
}

function choose(place, chat, show = true) {
  if (!place || !chat) return;
  chosen = { place, chat };
  drawnPosts = new Map();
  if (show) view("talk");
  draw();
  $("posts").scrollTop = $("posts").scrollHeight;
  if (show && matchMedia("(min-width: 821px)").matches) $("text").focus();
}

function view(name) {
  document.body.dataset.view = name;
  for (const each of $("views").children) each.setAttribute("aria-current", String(each.dataset.view === name));
}

function showToasts() {
  const first = toasted === null;
  toasted ??= {};
  for (const place of state.places) {
    for (const each of place.toasts) {
      if (each.toast <= (toasted[place.name] ?? 0)) continue;
      toasted[place.name] = each.toast;
      if (!first) toast(each.mood, nameOf(place, each.person), each.text);
    }
    toasted[place.name] ??= 0;
  }
}

function toast(mood, person, text) {
  const shown = el("div", { class: `toast ${mood}` }, person ? el("small", {}, person) : null, text);
  $("toasts").append(shown);
  setTimeout(() => shown.remove(), TOAST_MS);
}

// --- drawing

function draw() {
  drawChats();
  drawTalk();
}

function drawWords() {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  for (const each of document.querySelectorAll("[data-say]")) each.textContent = say(each.dataset.say);
  $("lang").textContent = lang === "zh" ? "English" : "中文";
  drawnPosts = new Map();
  draw();
  drawDirectory();
  drawCompany();
}

function drawChats() {
  const focused = document.activeElement?.dataset?.key;
  const parts = state.places.flatMap((place) => [
    el("h2", {}, place.title),
    ...place.chats.map((chat) => chatButton(place, chat)),
    el("button", { type: "button", class: "other", data: { key: `other/${place.name}` }, onclick: () => somebody(place) }, say("other")),
  ]);
  $("chats").replaceChildren(...parts);
  if (focused) [...$("chats").children].find((each) => each.dataset.key === focused)?.focus();
}

function chatButton(place, chat) {
  const key = `${place.name}/${chat.chat}`;
  const is = chosen?.place === place.name && chosen.chat === chat.chat;
  if (is || heard[key] === undefined) heard[key] = chat.posts.length;
  const role = chat.direct ? place.featured[chat.people[0]] : "";
  const props = {
    type: "button",
    class: heard[key] < chat.posts.length ? "unread" : "",
    "aria-current": String(is),
    data: { key, chat: chat.chat, place: place.name },
    onclick: () => choose(place.name, chat.chat),
  };
  return el("button", props, chat.title, el("small", {}, chat.direct ? [role, say("direct")].filter(Boolean).join(" · ") : chat.people.map((each) => nameOf(place, each)).join("、")));
}

function drawTalk() {
  const chat = currentChat();
  if (!chat) return;
  const place = placeOf(chosen.place);
  const person = speaker(place, chat);
  $("title").classList.remove("red");
  $("title").replaceChildren(chat.title, el("small", {}, `${place.title} · ${chat.direct ? say("direct") : chat.people.length + 1}`));
  drawAs(place, chat, person);
  const list = $("posts");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const fresh = new Map();
  for (const post of chat.posts) {
    const signature = JSON.stringify([post, person, lang]);
    const known = drawnPosts.get(post.message);
    fresh.set(post.message, known?.signature === signature ? known : { signature, node: drawPost(place, chat, post, person) });
  }
  drawnPosts = fresh;
  const nodes = [...fresh.values()].map((each) => each.node);
  const wanted = nodes.length ? nodes : [el("li", { class: "empty" }, say("nothing"))];
  if (wanted.length !== list.children.length || wanted.some((each, at) => list.children[at] !== each)) {
    list.replaceChildren(...wanted);
    if (atEnd) list.scrollTop = list.scrollHeight;
  }
  $("text").placeholder = say(chat.direct ? "type" : "typeGroup");
}

function drawAs(place, chat, person) {
  const key = JSON.stringify([place.name, chat.chat, chat.people, person, lang]);
  if ($("as").dataset.key === key) return;
  $("as").dataset.key = key;
  const label = (id) => [nameOf(place, id), place.featured[id]].filter(Boolean).join(" · ");
  if (chat.direct) {
    $("as").replaceChildren(`${say("as")} `, el("strong", {}, label(person)));
  } else {
    const select = el("select", { "aria-label": say("as") }, chat.people.map((id) => el("option", { value: id, selected: id === person }, label(id))));
    select.addEventListener("change", () => {
      speakers[`${place.name}/${chat.chat}`] = select.value;
      draw();
    });
    $("as").replaceChildren(say("as"), select);
  }
  $("hints").replaceChildren(...HINTS.map(([en, zh]) => {
    const text = (chat.direct ? "" : "@Rollcall ") + (lang === "zh" ? zh : en);
    const put = () => {
      $("text").value = text;
      $("text").focus();
    };
    return el("button", { type: "button", onclick: put }, lang === "zh" ? zh : en);
  }));
}

function drawPost(place, chat, post, person) {
  const names = (id) => nameOf(place, id);
  const answered = post.answers && chat.posts.find((each) => each.message === post.answers);
  const quote = (answered && answered.content.text) || "";
  const shown = drawnSafely(post, {
    vendor: place.vendor,
    names,
    person,
    lang,
    templates: place.templates || {},
    press: (pressed, number, confirm) => press(place, pressed, number, confirm),
  });
  const time = new Date(post.edited_at || post.at).toLocaleTimeString(lang === "zh" ? "zh-CN" : "en-GB");
  return el(
    "li",
    { class: post.by && post.by === person ? "mine" : "", data: { message: post.message, by: post.by || "bot", edits: post.edits } },
    el(
      "div",
      { class: "who" },
      post.by ? names(post.by) : [el("span", { class: "bot" }, "R"), " Rollcall"],
      quote ? el("span", { class: "answers" }, `↩ ${say("answers")} “${quote.slice(0, 40)}”`) : null,
      post.everyone ? el("span", { class: "at everyone" }, "@all") : null,
    ),
    shown,
    el("div", { class: "edited" }, post.edits ? `${say("edited")} ${time}` : time),
  );
}

// One message that cannot be drawn must not take the others along.
function drawnSafely(post, how) {
  try {
    return drawn(post, how);
  } catch (error) {
    console.error(error.stack);
    return el("div", { class: "bubble" }, `[${post.kind}]`);
  }
}

async function press(place, post, number, confirm) {
  const chat = placeOf(place.name).chats.find((each) => each.chat === post.chat);
  if (confirm && !(await sure(confirm.title, confirm.text))) return;
  await act({ place: place.name, verb: "press", person: speaker(place, chat), message: post.message, button: String(number) });
}

function sure(title, text, body = null) {
  const dialog = $("confirm");
  return new Promise((resolve) => {
    const close = (value) => () => {
      dialog.close();
      resolve(value);
    };
    dialog.replaceChildren(
      el("h3", {}, title),
      el("div", { class: "text" }, text),
      ...(body ? [body] : []),
      el(
        "div",
        { class: "buttons" },
        el("button", { type: "button", onclick: close(false) }, say("no")),
        body ? null : el("button", { type: "button", class: "yes", onclick: close(true) }, say("yes")),
      ),
    );
    dialog.oncancel = () => resolve(false);
    dialog.showModal();
  });
}

// --- people of the vendor's side

async function somebody(place) {
  const list = el("div");
  const search = el("input", { placeholder: say("name"), "aria-label": say("name") });
  const fill = async () => {
    const { people } = await ask(`people?place=${encodeURIComponent(place.name)}&text=${encodeURIComponent(search.value)}`);
    list.replaceChildren(...people.slice(0, 12).map((each) => {
      const be = async () => {
        $("confirm").close();
        await act({ place: place.name, verb: "enter", person: each.id });
        const chat = placeOf(place.name).chats.find((one) => one.direct && one.people[0] === each.id);
        if (chat) choose(place.name, chat.chat);
      };
      return el("div", { class: "person" }, el("span", {}, el("button", { type: "button", onclick: be }, each.name), " ", el("small", {}, each.department)));
    }));
  };
  search.addEventListener("input", fill);
  await fill();
  sure(say("pick"), "", el("div", {}, search, list));
}

async function drawCompany() {
  const place = placeOf(chosen?.place);
  const box = $("company");
  if (!place || box.hidden) return;
  const { departments } = await ask(`workplaces?place=${encodeURIComponent(place.name)}`);
  const name = el("input", { required: true, maxlength: 60, placeholder: say("name"), "aria-label": say("name") });
  const where = el("select", { "aria-label": say("department") }, departments.map((each) => el("option", { value: each.id }, each.name)));
  const search = el("input", { placeholder: say("find"), "aria-label": say("find") });
  const list = el("div");
  const fill = async () => {
    const { people } = await ask(`people?place=${encodeURIComponent(place.name)}&text=${encodeURIComponent(search.value)}`);
    list.replaceChildren(...people.map((each) => {
      const fire = async () => {
        if (!(await sure(say("fireSure"), each.name))) return;
        await act({ place: place.name, verb: "fire", person: each.id });
        await fill();
      };
      return el(
        "div",
        { class: "person" },
        el("span", {}, each.name, " ", el("small", {}, each.department)),
        el("button", { type: "button", onclick: fire }, say("fire")),
      );
    }));
  };
  const hire = async (event) => {
    event.preventDefault();
    await act({ place: place.name, verb: "hire", name: name.value, department: where.value });
    name.value = "";
    await fill();
  };
  search.addEventListener("input", fill);
  const form = el("form", { onsubmit: hire }, name, where, el("button", { type: "submit" }, say("hire")));
  box.replaceChildren(el("h3", {}, place.title), el("p", { class: "grey" }, say("where")), form, el("h3", {}, say("fire")), search, list);
  await fill();
}

// --- the directory

async function readDirectory() {
  let fresh;
  try {
    fresh = await ask("directory");
  } catch {
    return;
  }
  const text = JSON.stringify(fresh);
  if (!fresh.employees || text === directory?.text) return;
  if (directory) noteNews(directory.people, fresh.employees);
  directory = { text, ...fresh, people: new Map(fresh.employees.map((each) => [each.id, each])) };
  drawDirectory();
}

function noteNews(before, after) {
  const found = [];
  const kept = new Set(after.map((each) => each.id));
  for (const each of after) {
    const was = before.get(each.id);
    if (!was) found.push(["plus", `+ ${each.name}`]);
    else if (JSON.stringify(was) !== JSON.stringify(each)) found.push(["edit", `~ ${was.name}${was.name === each.name ? "" : ` → ${each.name}`}`]);
  }
  for (const each of before.values()) if (!kept.has(each.id)) found.push(["minus", `− ${each.name}`]);
  news = [...found, ...news].slice(0, 12);
}

function drawDirectory() {
  const box = $("directory");
  if (!directory) {
    box.replaceChildren(el("div", { class: "empty" }, say("noDirectory")));
    return;
  }
  const opened = new Set([...box.querySelectorAll("details[open]")].map((each) => each.dataset.path));
  const groups = new Map();
  for (const each of directory.employees) {
    for (const path of each.departments.length ? each.departments : ["/"]) {
      if (!groups.has(path)) groups.set(path, []);
      groups.get(path).push(each);
    }
  }
  const search = el("input", { placeholder: say("find"), "aria-label": say("find"), value: find });
  const list = el("div");
  const fill = () => {
    find = search.value;
    const wanted = find.trim().toLowerCase();
    const parts = [];
    for (const [path, people] of [...groups].sort(([a], [b]) => a.localeCompare(b, "zh"))) {
      const shown = !wanted || path.toLowerCase().includes(wanted) ? people : people.filter((each) => each.name.toLowerCase().includes(wanted));
      if (!shown.length) continue;
      const inner = el("details", { data: { path }, open: opened.has(path) || (wanted !== "" && shown.length < 30) }, el("summary", {}, path, " ", el("small", {}, String(shown.length))));
      const open = () => {
        if (inner.open && inner.children.length === 1) {
          inner.append(...shown.map((each) => el("div", { class: "person" }, el("span", {}, each.name, " ", el("small", {}, each.title || "")))));
        }
      };
      inner.addEventListener("toggle", open);
      open();
      parts.push(inner);
    }
    list.replaceChildren(...parts);
  };
  search.addEventListener("input", fill);
  fill();
  const latest = news.map(([kind, text]) => el("li", { class: kind }, text));
  box.replaceChildren(
    el("div", { id: "count" }, el("strong", {}, String(directory.employees.length)), ` ${say("people")}`),
    ...(latest.length ? [el("h3", {}, say("news")), el("ul", { class: "news" }, latest)] : []),
    search,
    list,
  );
}

// --- events of the page

$("say").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  const chat = currentChat();
  if (!text || !chat) return;
  const place = placeOf(chosen.place);
  $("text").value = "";
  await act({ place: place.name, verb: "say", person: speaker(place, chat), chat: chat.chat, text });
  $("posts").scrollTop = $("posts").scrollHeight;
});
$("lang").addEventListener("click", () => {
  lang = lang === "zh" ? "en" : "zh";
  localStorage.setItem("lang", lang);
  $("as").dataset.key = "";
  drawWords();
});
for (const each of $("views").children) each.addEventListener("click", () => view(each.dataset.view));
for (const each of document.querySelectorAll("[data-tab]")) {
  each.addEventListener("click", () => {
    tab = each.dataset.tab;
    for (const one of document.querySelectorAll("[data-tab]")) one.setAttribute("aria-selected", String(one === each));
    $("directory").hidden = tab !== "directory";
    $("company").hidden = tab !== "company";
    drawCompany();
  });
}

async function forever(work, pause) {
  for (;;) {
    if (!document.hidden) await work().catch((error) => console.error(error.stack));
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

view("chats");
drawWords();
forever(refresh, STATE_MS);
forever(readDirectory, DIRECTORY_MS);

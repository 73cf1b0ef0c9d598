// The page works without this: it copies, shows and counts what is typed, and says how long the page is open.
(() => {
  const all = (selector) => document.querySelectorAll(selector);

  for (const button of all(".copier")) {
    button.hidden = false;
    const label = button.textContent;
    button.addEventListener("click", async () => {
      const from = document.getElementById(button.dataset.from);
      try {
        await navigator.clipboard.writeText(from.textContent);
      } catch {
        getSelection().selectAllChildren(from);
        if (!document.execCommand("copy")) return;
      }
      button.textContent = button.dataset.done;
      button.classList.add("done");
      setTimeout(() => {
        button.textContent = label;
        button.classList.remove("done");
      }, 2000);
    });
  }

  for (const button of all(".show")) {
    const input = document.getElementById(button.getAttribute("aria-controls"));
    const given = input.closest(".field").querySelector(".given");
    button.hidden = false;
    button.addEventListener("click", () => {
      const shows = input.type === "password";
      input.type = shows ? "text" : "password";
      button.textContent = shows ? button.dataset.hide : button.dataset.show;
      button.setAttribute("aria-pressed", String(shows));
    });
    const count = () => {
      const length = input.value.trim().length;
      given.textContent = length ? input.dataset.given.replace("#", length) : "";
    };
    input.addEventListener("input", count);
    count();
  }

  const logo = document.getElementById("logo");
  const form = document.getElementById("page");
  if (logo) logo.addEventListener("change", () => {
    const gone = document.getElementById("logo_none");
    if (gone && logo.files.length) gone.checked = false;
  });

  // A second press sends nothing more; the name of the pressed button must still be sent, so it stays enabled until then.
  let sent = false;
  if (form) form.addEventListener("submit", (event) => {
    if (sent) {
      event.preventDefault();
      return;
    }
    sent = true;
    const busy = form.querySelector(".busy");
    setTimeout(() => {
      for (const each of all("button")) each.disabled = true;
      if (busy) busy.hidden = false;
    });
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    sent = false;
    for (const each of all("button")) each.disabled = false;
  });

  const wrong = document.querySelector("[aria-invalid]");
  if (wrong) wrong.focus();
})();

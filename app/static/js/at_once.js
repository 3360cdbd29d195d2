// A page that is only a form on its way to another site sends it by itself. Its button is there for whoever has no script.
export function submitAtOnce() {
  document.querySelector("form[data-at-once]")?.requestSubmit();
}

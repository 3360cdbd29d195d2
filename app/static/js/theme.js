// The theme at once, and in the cookie that the server reads for the next page.
const YEAR_S = 31536000;

function apply(theme) {
  document.documentElement.dataset.theme = theme;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `berth_theme_${document.body.dataset.instance}=${theme}; path=/; max-age=${YEAR_S}; samesite=lax${secure}`;
  for (const button of document.querySelectorAll("[data-theme-switch] button")) button.setAttribute("aria-pressed", String(button.value === theme));
  document.dispatchEvent(new CustomEvent("berth:theme", { detail: { theme } }));
}

export function startTheme() {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-theme-switch]") || !event.submitter) return;
    event.preventDefault();
    apply(event.submitter.value);
  });
}

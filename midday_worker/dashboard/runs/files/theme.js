// Light or dark, as the main page keeps it, before anything is drawn.
(() => {
  const KEY = "board-settings";
  const system = matchMedia("(prefers-color-scheme: dark)");

  const stored = () => {
    try {
      return JSON.parse(localStorage.getItem(KEY)) ?? {};
    } catch {
      return {};
    }
  };

  const isDark = () => {
    const theme = stored().state?.theme ?? "system";
    return theme === "system" ? system.matches : theme === "dark";
  };

  const apply = () => {
    document.body.classList.toggle("dark-mode", isDark());
    document.documentElement.style.colorScheme = isDark() ? "dark" : "light";
  };

  const toggle = () => {
    const settings = stored();
    const theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem(KEY, JSON.stringify({ version: 2, ...settings, state: { ...settings.state, theme } }));
    } catch {
      // Nothing may be kept here: it holds for this look alone.
    }
    document.body.classList.toggle("dark-mode", theme === "dark");
    document.documentElement.style.colorScheme = theme;
  };

  // The main page's own colours may have been changed by whoever serves it.
  const colours = () => {
    const { theme = {} } = JSON.parse(document.getElementById("settings").textContent);
    const rules = (selector, values) => {
      const lines = Object.entries(values ?? {}).filter(([, value]) => typeof value === "string");
      const named = lines.map(([name, value]) => `${name.startsWith("--") ? name : `--${name}`}: ${value};`);
      return named.length ? `${selector} { ${named.join(" ")} }` : "";
    };
    const style = document.createElement("style");
    style.textContent = `${rules(":root", theme?.light)}\n${rules("body.dark-mode", theme?.dark)}`;
    document.head.append(style);
  };

  apply();
  colours();
  system.addEventListener("change", apply);
  addEventListener("storage", (event) => event.key === KEY && apply());
  addEventListener("click", (event) => event.target.closest?.("#theme") && toggle());
})();

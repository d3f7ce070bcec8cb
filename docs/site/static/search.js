// A result shows a page's text, not its buttons and contents, which the theme puts into role=main.
document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  const text = Search.htmlToText;
  Search.htmlToText = (markup, anchor) => {
    const page = new DOMParser().parseFromString(markup, "text/html");
    page.querySelectorAll(".bd-header-article, #jb-print-docs-body, .bd-sidebar-secondary, .prev-next-footer")
      .forEach(part => part.remove());
    return text(page.documentElement.outerHTML, anchor);
  };
});

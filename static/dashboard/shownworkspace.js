/** A page of one workspace whose address names none shows the one that the person chose last. The
 * address gets its name (also in place of its id), so that a copied link shows the same to somebody who chose another one. */

export function nameShownWorkspace() {
    const shown = document.body.dataset.shownWorkspace;
    const address = new URL(location.href);
    if (!shown || address.searchParams.get("workspace") === shown) return;
    address.searchParams.set("workspace", shown);
    history.replaceState(history.state, "", address);
}

"""What axe looks for on every page: WCAG 2.2 at level AA, and its best practices."""

AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},  # WCAG 2.2 AA; axe leaves it out unless asked
}

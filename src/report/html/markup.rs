//! HTML escaping and common elements.

/// Escapes text for content or an attribute value.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Control characters are not legal HTML; replaced visibly, so that a file name cannot hide any.
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A cell of a table.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    html: String,
    classes: &'static str,
    sort_by: Option<f64>,
}

impl Cell {
    /// Text, left-aligned.
    pub(super) fn text(text: &str) -> Cell {
        Cell { html: escaped(text), classes: "l", sort_by: None }
    }

    /// A number and its sort key.
    pub(super) fn number(shown: &str, sort_by: f64) -> Cell {
        Cell { html: escaped(shown), classes: "", sort_by: Some(sort_by) }
    }

    /// A number coloured by its sign; the text shows the sign too.
    pub(super) fn signed(shown: &str, sort_by: f64) -> Cell {
        Cell { classes: sign_class(sort_by), ..Cell::number(shown, sort_by) }
    }

    /// A number with a tooltip.
    pub(super) fn titled(shown: &str, sort_by: f64, remark: &str) -> Cell {
        Cell {
            html: format!("<span class=\"none\" title=\"{}\">{}</span>", escaped(remark), escaped(shown)),
            classes: "",
            sort_by: Some(sort_by),
        }
    }

    /// A dash with the reason as a tooltip.
    pub(super) fn none(reason: &str) -> Cell {
        Cell { html: none(reason), classes: "", sort_by: None }
    }

    /// Long text that may wrap.
    pub(super) fn prose(text: &str) -> Cell {
        Cell { classes: "l wrap", ..Cell::text(text) }
    }

    /// HTML that is escaped already, left-aligned.
    pub(super) fn markup(html: String) -> Cell {
        Cell { html, classes: "l", sort_by: None }
    }
}

/// A dash with the reason as a tooltip.
pub(super) fn none(reason: &str) -> String {
    format!("<span class=\"none\" title=\"{0}\" aria-label=\"not defined: {0}\">—</span>", escaped(reason))
}

/// The CSS class for a sign: `gain`, `loss` or none.
pub(super) fn sign_class(value: f64) -> &'static str {
    if value > 0.0 {
        "gain"
    } else if value < 0.0 {
        "loss"
    } else {
        ""
    }
}

/// A row with an optional id.
pub(super) type Row = (Option<String>, Vec<Cell>);

/// Whether clicking a heading sorts the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sorting {
    Fixed,
    ByColumn,
}

/// A table; headings that start with `<` are left-aligned.
pub(super) fn table(headings: &[&str], rows: impl IntoIterator<Item = Row>, sorting: Sorting) -> String {
    let mut out = String::from(match sorting {
        Sorting::Fixed => "<div class=\"scroll\"><table><thead><tr>",
        Sorting::ByColumn => "<div class=\"scroll\"><table class=\"sortable\"><thead><tr>",
    });
    for heading in headings {
        let (class, name) = heading.strip_prefix('<').map_or(("", *heading), |name| (" class=\"l\"", name));
        let name = escaped(name);
        out.push_str(&match sorting {
            Sorting::Fixed => format!("<th{class} scope=\"col\">{name}</th>"),
            Sorting::ByColumn => {
                format!("<th{class} scope=\"col\"><button type=\"button\">{name}</button></th>")
            }
        });
    }
    out.push_str("</tr></thead><tbody>\n");
    for (id, cells) in rows {
        out.push_str(&id.map_or_else(|| "<tr>".to_owned(), |id| format!("<tr id=\"{}\">", escaped(&id))));
        for cell in cells {
            let class =
                if cell.classes.is_empty() { String::new() } else { format!(" class=\"{}\"", cell.classes) };
            let sort = cell
                .sort_by
                .filter(|v| v.is_finite())
                .map_or_else(String::new, |v| format!(" data-v=\"{v}\""));
            out.push_str(&format!("<td{class}{sort}>{}</td>", cell.html));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_escapes() {
        assert_eq!(
            escaped("<script>\"a\" & 'b'\u{1}</script>"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;\u{fffd}&lt;/script&gt;"
        );
    }
}

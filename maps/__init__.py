"""Maps and papers: offline pages, sheets and tables drawn from plain values (`maps.view`)."""

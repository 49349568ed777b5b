/* Draws a county page: versions of grids, themes, overlays, labels that keep clear of each other.
   Written for Chromium 78 and later. Every text goes in through textContent. */
window.wanggeCounty = function (map, data) {
  "use strict";
  var SCALE = 1e6, words = data.words;
  var clear = L.point(10, 10); /* what a popup keeps free at the top left: the head, once it is drawn */
  var state = { version: data.start.version, theme: data.start.theme };

  function byId(id) { return document.getElementById(id); }
  function put(parent, tag, text, className) {
    var node = document.createElement(tag);
    if (text !== undefined && text !== null) { node.textContent = text; }
    if (className) { node.className = className; }
    if (parent) { parent.appendChild(node); }
    return node;
  }

  /* -- geometry: flat runs of differences in millionths of a degree ------------------------------ */
  function points(flat) {
    var out = [], x = data.origin[0], y = data.origin[1];
    for (var i = 0; i < flat.length; i += 2) {
      x += flat[i]; y += flat[i + 1];
      out.push([y / SCALE, x / SCALE]);
    }
    return out;
  }
  function shape(polygons) { return polygons.map(function (rings) { return rings.map(points); }); }
  function lines(parts) { return parts.map(points); }

  function tip(caption, values) {
    return function () {
      var box = put(null, "div", null, "tip"), table = put(box, "table");
      put(table, "caption", caption);
      data.fields.forEach(function (label, i) {
        if (values[i] === null || values[i] === undefined || values[i] === "") { return; }
        var row = put(table, "tr");
        put(row, "td", label);
        put(row, "td", values[i]);
      });
      return box;
    };
  }
  function explain(layer, caption, values) {
    layer.bindTooltip(tip(caption, values), { sticky: true, opacity: 0.97 });
    layer.bindPopup(tip(caption, values), { maxWidth: 380, autoPanPaddingTopLeft: clear });
    layer.on("popupopen", function () { layer.closeTooltip(); });
    return layer;
  }

  function pane(name, level, mute) {
    var node = map.createPane(name);
    node.style.zIndex = level;
    if (mute) { node.style.pointerEvents = "none"; }
    return name;
  }
  pane("ground", 405, true); pane("blocks", 408, true); pane("lines", 410, true); pane("exclusive", 430); pane("outlines", 420, true);
  pane("old", 415, true); pane("spots", 440); pane("labels", 640, true);

  /* -- grids ------------------------------------------------------------------------------------- */
  function themeOf(id) { return data.themes.filter(function (t) { return t.id === id; })[0]; }
  function gridStyle(item, theme) {
    var cls = theme.classes[item.s[data.themes.indexOf(theme)]];
    return { fillColor: cls.hatch ? "url(#" + cls.hatch + ")" : cls.fill, fillOpacity: cls.opacity };
  }
  var versions = {};
  data.versions.forEach(function (version) {
    var entry = { data: version, group: L.layerGroup(), items: [] };
    version.grids.forEach(function (item) {
      var style = { className: version.css, color: data.colours.grid, weight: 1, opacity: 0.6, pane: "overlayPane" };
      var layer = L.polygon(shape(item.p), L.extend(style, gridStyle(item, themeOf(state.theme))));
      explain(layer, item.v[0], item.v.slice(1));
      layer.on("mouseover", function () { layer.setStyle({ weight: 3 }); });
      layer.on("mouseout", function () { layer.setStyle({ weight: 1 }); });
      entry.group.addLayer(layer);
      entry.items.push({ item: item, layer: layer });
    });
    /* the lines once more, above streets and buildings, where the grid's own stroke would be buried */
    entry.outline = L.polyline(lines(version.lines), { color: data.colours.grid, weight: 1.2, pane: "lines", interactive: false });
    entry.group.addLayer(entry.outline);
    versions[version.id] = entry;
  });
  function showVersion(id) {
    Object.keys(versions).forEach(function (key) {
      if (key !== id) { map.removeLayer(versions[key].group); }
    });
    state.version = id;
    versions[id].group.addTo(map);
    showTheme(state.theme);
    place();
  }
  function showTheme(id) {
    var theme = themeOf(id);
    state.theme = id;
    versions[state.version].items.forEach(function (one) { one.layer.setStyle(gridStyle(one.item, theme)); });
    drawLegend(theme);
  }

  /* -- overlays ---------------------------------------------------------------------------------- */
  var makers = {
    polygon: function (set, item) { return L.polygon(shape(item.p), L.extend({ interactive: !!item.v }, set.style)); },
    line: function (set, item) { return L.polyline(lines(item.p), L.extend({ interactive: false }, set.style)); },
    spot: function (set, item) {
      return L.circleMarker(points(item.p[0])[0], L.extend({ interactive: !!item.v }, set.style));
    }
  };
  var overlays = data.overlays.map(function (set) {
    if (set.canvas) { set.style.renderer = L.canvas({ pane: set.style.pane, padding: 0.3 }); }
    var group = L.layerGroup();
    set.items.forEach(function (item) {
      var layer = makers[set.form](set, item);
      if (item.v) { explain(layer, item.v[0], item.v.slice(1)); }
      group.addLayer(layer);
    });
    if (set.on) { group.addTo(map); }
    return { set: set, group: group };
  });

  /* -- control ----------------------------------------------------------------------------------- */
  function choice(parent, kind, name, text, checked, act) {
    var label = put(parent, "label"), input = put(label, "input");
    input.type = kind; input.name = name; input.checked = checked;
    input.addEventListener("change", function () { act(input.checked); });
    label.appendChild(document.createTextNode(text));
    return input;
  }
  function drawControl() {
    var box = byId("control");
    var fold = put(box, "button", words.layers); fold.id = "fold"; fold.title = words.fold;
    fold.addEventListener("click", function () { box.classList.toggle("folded"); });
    put(box, "h2", words.version);
    data.versions.forEach(function (v) {
      choice(box, "radio", "version", v.name, v.id === state.version, function () { showVersion(v.id); }).value = v.id;
    });
    put(box, "h2", words.theme);
    data.themes.forEach(function (t) {
      choice(box, "radio", "theme", t.name, t.id === state.theme, function () { showTheme(t.id); }).value = t.id;
    });
    put(box, "h2", words.layers);
    overlays.forEach(function (one) {
      choice(box, "checkbox", "layer", one.set.name, one.set.on, function (on) {
        if (on) { one.group.addTo(map); } else { map.removeLayer(one.group); }
        one.set.on = on;
        drawLegend(themeOf(state.theme));
        place();
      }).value = one.set.id;
    });
    L.DomEvent.disableClickPropagation(box);
    L.DomEvent.disableScrollPropagation(box);
  }

  /* -- legend ------------------------------------------------------------------------------------ */
  var NS = "http:" + "//www.w3.org/2000/svg";
  function svg(parent, tag, attributes) {
    var node = document.createElementNS(NS, tag);
    Object.keys(attributes).forEach(function (key) { node.setAttribute(key, attributes[key]); });
    parent.appendChild(node);
    return node;
  }
  function key(box, text, draw) {
    var row = put(box, "div"), picture = svg(row, "svg", { width: 26, height: 15 });
    draw(picture);
    row.appendChild(document.createTextNode(text));
    row.title = text;
  }
  function swatch(cls) {
    return function (picture) {
      var fill = cls.hatch ? "url(#" + cls.hatch + ")" : cls.fill;
      svg(picture, "rect", { x: 1, y: 1, width: 24, height: 13, fill: fill, "fill-opacity": cls.opacity, stroke: data.colours.grid, "stroke-width": 1 });
    };
  }
  function symbol(set) {
    return function (picture) {
      var s = set.style, dash = s.dashArray || "none";
      var paint = { stroke: s.stroke === false ? "none" : s.color, "stroke-width": Math.min(s.weight, 5), "stroke-dasharray": dash };
      if (set.form === "line") { svg(picture, "path", L.extend({ d: "M1 8H25", fill: "none" }, paint)); return; }
      paint.fill = s.fill === false ? "none" : s.fillColor; paint["fill-opacity"] = s.fillOpacity;
      if (set.form === "spot") { svg(picture, "circle", L.extend({ cx: 13, cy: 8, r: Math.min(s.radius, 5) }, paint)); return; }
      svg(picture, "rect", L.extend({ x: 3, y: 2, width: 20, height: 11 }, paint));
    };
  }
  function drawLegend(theme) {
    var box = byId("legend");
    box.textContent = "";
    put(box, "h2", words.legend + " · " + theme.name);
    put(box, "p", theme.hint);
    theme.classes.forEach(function (cls) { if (cls.text) { key(box, cls.text, swatch(cls)); } });
    if (!theme.classes[0].text) { key(box, words.grid_line, swatch(theme.classes[0])); }
    overlays.forEach(function (one) { if (one.set.on && one.set.legend) { key(box, one.set.legend, symbol(one.set)); } });
  }
  function drawHatches() {
    var defs = svg(svg(document.body, "svg", { id: "hatches", width: 0, height: 0 }), "defs", {});
    data.hatches.forEach(function (h) {
      var p = svg(defs, "pattern", { id: h.id, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(" + h.angle + ")" });
      svg(p, "rect", { width: 7, height: 7, fill: h.ground });
      svg(p, "rect", { width: h.width, height: 7, fill: h.ink });
      if (h.cross) { svg(p, "rect", { width: 7, height: h.width, fill: h.ink }); }
    });
  }

  /* -- labels: largest text that fits its grid and touches no other -------------------------------- */
  function textWidth(text, size) {
    var width = 0;
    for (var i = 0; i < text.length; i++) { width += text.charCodeAt(i) > 0x2e7f ? size : size * 0.6; }
    return width;
  }
  function measure(rows, size) {
    var width = 0;
    rows.forEach(function (row) { width = Math.max(width, textWidth(row, size)); });
    return { w: width + 6, h: rows.length * size * 1.18 + 4 };
  }
  var taken = [];
  function free(box) {
    return taken.every(function (o) {
      return box.x + box.w <= o.x || o.x + o.w <= box.x || box.y + box.h <= o.y || o.y + o.h <= box.y;
    });
  }
  function tryPlace(at, rows, size, className) {
    var m = measure(rows, size), box = { x: at.x - m.w / 2, y: at.y - m.h / 2, w: m.w, h: m.h };
    if (!free(box)) { return false; }
    taken.push(box);
    var node = put(map.getPane("labels"), "div", null, "map-label leaflet-zoom-hide " + className);
    rows.forEach(function (row) { put(node, "span", row); });
    node.style.width = m.w + "px";
    L.DomUtil.setPosition(node, L.point(Math.round(box.x), Math.round(box.y + 2)));
    return true;
  }
  function spot(pair) { return map.latLngToLayerPoint([(data.origin[1] + pair[1]) / SCALE, (data.origin[0] + pair[0]) / SCALE]); }
  function reach(pair, dx, dy) {
    var a = spot(pair), b = spot([pair[0] + dx, pair[1] + dy]);
    return { x: Math.abs(b.x - a.x), y: Math.abs(b.y - a.y) };
  }
  var SHIFTS = [[0, 0], [0, -14], [0, 14], [0, -24], [0, 24], [-16, 0], [16, 0], [-16, -14], [16, 14], [-32, 0], [32, 0]];
  function placeGrids() {
    versions[state.version].data.grids.forEach(function (g) {
      var at = spot(g.a), room = reach(g.a, g.r[0], g.r[1]);
      g.l.some(function (rows) {
        var m = measure(rows, 12), up = room.y - m.h / 2 + 2, side = room.x - m.w / 2 + 2;
        if (!g.o && (side < 0 || up < 0)) { return false; }
        /* a community's name may stand in the middle: then the room beside it serves */
        return SHIFTS.some(function (s) {
          return Math.abs(s[1]) <= Math.max(up, 0) && Math.abs(s[0]) <= Math.max(side, 0) &&
            tryPlace(L.point(at.x + s[0], at.y + s[1]), rows, 12, "grid-label");
        });
      });
    });
  }
  function placeAreas() {
    data.places.forEach(function (town) {
      if (!town.a) { return; }
      var room = reach(town.a, town.r[0], town.r[1]);
      if (room.x < 130) {
        var at = spot(town.a);
        tryPlace(L.point(at.x, at.y - room.y - 20), town.rows, 15, "town-label");
      }
    });
    data.communities.forEach(function (c) {
      var room = reach(c.a, c.r[0], c.r[1]);
      if (room.x > 26 && room.x < 420) { tryPlace(spot(c.a), [c.name], 15, "community-label"); }
    });
  }
  function placeLines() {
    var found = [];
    overlays.forEach(function (one) {
      if (!one.set.on) { return; }
      one.set.items.forEach(function (item) {
        (item.t || []).forEach(function (t) {
          var size = reach([t[0], t[1]], t[2], t[3]);
          if (size.x + size.y > 150) { found.push({ at: spot(t), name: item.n, kind: one.set.id, length: size.x + size.y }); }
        });
      });
    });
    found.sort(function (a, b) { return b.length - a.length; });
    found.forEach(function (f) { tryPlace(f.at, [f.name], 11, "line-label " + f.kind); });
  }
  function place() {
    map.getPane("labels").textContent = "";
    taken = [];
    placeAreas();
    placeGrids();
    placeLines();
  }

  /* Streets and outlines thin out when the county is seen whole, else they bury a town. */
  function thin() {
    var factor = Math.max(0.25, Math.min(1, (map.getZoom() - 9.5) / 4.5));
    overlays.forEach(function (one) {
      if (one.set.form !== "line") { return; }
      one.group.eachLayer(function (layer) { layer.setStyle({ weight: one.set.style.weight * factor }); });
    });
    Object.keys(versions).forEach(function (key) { versions[key].outline.setStyle({ weight: Math.max(0.5, 1.2 * factor) }); });
  }

  /* The panels keep their corners; a fit leaves room for them where the window is wide. */
  function fit(bounds, animate) {
    var wide = map.getSize().x > 900;
    map.fitBounds(bounds, { paddingTopLeft: [wide ? 24 : 12, 130], paddingBottomRight: [wide ? 258 : 12, 96], animate: animate });
  }

  /* -- frame ------------------------------------------------------------------------------------- */
  function drawFrame() {
    var head = byId("head"), foot = byId("foot");
    put(head, "h1", data.title);
    if (data.subtitle) { put(head, "p", data.subtitle); }
    data.stamps.forEach(function (s) { put(head, "span", s.text, s.plain ? "stamp plain" : "stamp"); });
    var jumps = put(head, "nav");
    data.places.forEach(function (town) {
      put(jumps, "button", town.button).addEventListener("click", function () { fit(town.bounds, true); });
    });
    data.notes.forEach(function (note) { put(foot, "div", note); });
    clear.y = head.offsetTop + head.offsetHeight + 8;
    [head, foot, byId("legend")].forEach(function (box) { L.DomEvent.disableClickPropagation(box); });
    L.DomEvent.disableScrollPropagation(byId("legend"));
  }

  drawHatches();
  drawFrame();
  L.control.scale({ imperial: false, maxWidth: 140 }).addTo(map);
  fit(data.bounds, false);
  showVersion(state.version);
  drawControl();
  thin();
  map.on("zoomend viewreset resize", place);
  map.on("zoomend", thin);
  document.body.setAttribute("data-drawn", String(Math.round(performance.now())));
};

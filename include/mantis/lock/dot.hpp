// SPDX-License-Identifier: BSL-1.0
//
// Who waits for whom, drawn: the text that Graphviz makes a picture of.
//
//   std::fputs(dot(locks.waits()).as<std::string>().c_str(), stdout);   // | dot -Tsvg > waits.svg
//
// Threads: like an int.
#pragma once

#include "../platform/detail/decimal.hpp"
#include "wait_graph.hpp"

#include <cstdlib>
#include <vector>

namespace mantis {

namespace detail {

// The text of a drawing in the DOT language of Graphviz.
class dot_writer {
public:
    dot_writer() { text_.append("digraph waits {\n  rankdir=LR;\n  node [shape=box];\n"); }

    void node(const wait_node& node) {
        name(node.owner);
        text_.append(" [label=\"");
        append_decimal(text_, node.owner);
        if (node.thread.text[0] != '\0') part(" ", node.thread.view());
        if (node.label != nullptr && node.label[0] != '\0') part("\\n", node.label);
        text_.append("\\nborn ");
        append_decimal(text_, node.birth);
        text_.append("\"];\n");
    }
    void running(std::uint64_t owner) {
        name(owner);
        text_.append(" [shape=ellipse];\n");
    }
    void edge(const wait_edge& edge, bool in_cycle) {
        name(edge.waiter);
        text_.append(" -> \"");
        append_decimal(text_, edge.blocker);
        text_.append("\" [label=\"");
        escaped(edge.resource);
        part("\\n", name_of(edge.wanted));
        text_.append(edge.blocker_waits ? " behind " : " waits for ");
        text_.append(name_of(edge.held));
        text_.append("\"");
        if (edge.blocker_waits) text_.append(", style=dashed");
        if (in_cycle) text_.append(", color=red");
        text_.append("];\n");
    }
    [[nodiscard]] bytes take() {
        text_.append("}\n");
        return std::move(text_);
    }

private:
    void name(std::uint64_t owner) {
        text_.append("  \"");
        append_decimal(text_, owner);
        text_.append("\"");
    }
    void part(const char* before, bytes_view text) {
        text_.append(before);
        escaped(text);
    }
    // A backslash starts an escape and an ampersand an entity; what is not printable is shown as
    // \xNN.
    void escaped(bytes_view text) {
        constexpr const char* digits = "0123456789abcdef";
        for (const std::byte each : text) {
            const auto code = std::to_integer<unsigned>(each);
            if (code == '&') {
                text_.append("&amp;");
            } else if (code < ' ' || code > '~') {
                text_.append("\\\\x");
                text_.push_back(digits[code >> 4U]);
                text_.push_back(digits[code & 15U]);
            } else {
                if (code == '"' || code == '\\') text_.push_back('\\');
                text_.push_back(each);
            }
        }
    }

    bytes text_;
};

[[nodiscard]] inline bool drawn_before(const wait_node& a, const wait_node& b) noexcept {
    return a.owner < b.owner;
}
[[nodiscard]] inline bool drawn_before(const wait_edge& a, const wait_edge& b) noexcept {
    if (a.waiter != b.waiter) return a.waiter < b.waiter;
    if (a.blocker != b.blocker) return a.blocker < b.blocker;
    if (a.wanted != b.wanted) return a.wanted < b.wanted;
    if (a.held != b.held) return a.held < b.held;
    if (a.blocker_waits != b.blocker_waits) return b.blocker_waits;
    return a.resource < b.resource;
}
[[nodiscard]] inline bool drawn_before(std::uint64_t a, std::uint64_t b) noexcept { return a < b; }

// Of numbers, and of pointers to what is drawn. <algorithm> would cost more than all of this.
template <class T>
[[nodiscard]] const T& drawn(const T& item) noexcept {
    return item;
}
template <class T>
[[nodiscard]] const T& drawn(const T* const& item) noexcept {
    return *item;
}
template <class Item>
void sort_to_draw(std::vector<Item>& items) noexcept {
    if (items.empty()) return;
    std::qsort(items.data(), items.size(), sizeof(Item), [](const void* one, const void* other) {
        const auto& a = drawn(*static_cast<const Item*>(one));
        const auto& b = drawn(*static_cast<const Item*>(other));
        return drawn_before(a, b) ? -1 : drawn_before(b, a) ? 1 : 0;
    });
}

[[nodiscard]] inline bool is_of(const deadlock_cycle& cycle, const wait_edge& edge) noexcept {
    for (const wait_edge& each : cycle.edges)
        if (!drawn_before(each, edge) && !drawn_before(edge, each)) return true;
    return false;
}

}  // namespace detail

// The graph in the DOT language: `dot -Tsvg` draws it. The owners that wait are boxes, the others
// ellipses; an edge is dashed when the blocker only waits ahead, and red when it is of `cycle`.
//   Returns     the same text for the same nodes and edges, in whichever order they were added
[[nodiscard]] inline bytes dot(const wait_graph& graph, const deadlock_cycle& cycle = {}) {
    std::vector<const wait_node*> nodes;
    std::vector<const wait_edge*> edges;
    std::vector<std::uint64_t> running;
    graph.each_node([&](const wait_node& node) { nodes.push_back(&node); });
    graph.each_edge([&](const wait_edge& edge) {
        edges.push_back(&edge);
        for (const std::uint64_t owner : {edge.waiter, edge.blocker})
            if (graph.find(owner) == nullptr) running.push_back(owner);
    });
    detail::sort_to_draw(nodes);
    detail::sort_to_draw(edges);
    detail::sort_to_draw(running);

    detail::dot_writer text;
    for (const wait_node* node : nodes) text.node(*node);
    for (std::size_t i = 0; i < running.size(); ++i)
        if (i == 0 || running[i] != running[i - 1]) text.running(running[i]);
    for (const wait_edge* edge : edges) text.edge(*edge, detail::is_of(cycle, *edge));
    return text.take();
}

// A dead-lock alone, from its first owner around.
[[nodiscard]] inline bytes dot(const deadlock_cycle& cycle) {
    detail::dot_writer text;
    for (const wait_node& node : cycle.nodes) text.node(node);
    for (const wait_edge& edge : cycle.edges) text.edge(edge, true);
    return text.take();
}

}  // namespace mantis

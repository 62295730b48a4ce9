// SPDX-License-Identifier: BSL-1.0
#include "waits.hpp"

#include <mantis/lock/dot.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

using namespace lock_test;

TEST_CASE("the drawing: boxes wait, ellipses run, dashes wait ahead, red is the cycle") {
    wait_graph graph;
    wait_node second = node(2);
    std::snprintf(second.thread.text, sizeof second.thread.text, "%s", "worker-1");
    second.label = "transfer";
    graph.add_node(second);
    graph.add_node(node(1));
    wait_edge behind = edge(2, 1, "t/k");
    behind.blocker_waits = true;
    behind.held = lock_mode::U;
    graph.add_edge(behind);
    graph.add_edge(edge(1, 3, "t"));
    graph.add_edge(edge(1, 2, "t/j"));
    const deadlock_cycle cycle = graph.find_any_cycle();
    REQUIRE(cycle.size() == 2);
    const char* const expected =
        "digraph waits {\n"
        "  rankdir=LR;\n"
        "  node [shape=box];\n"
        "  \"1\" [label=\"1\\nborn 101\"];\n"
        "  \"2\" [label=\"2 worker-1\\ntransfer\\nborn 102\"];\n"
        "  \"3\" [shape=ellipse];\n"
        "  \"1\" -> \"2\" [label=\"t/j\\nX waits for S\", color=red];\n"
        "  \"1\" -> \"3\" [label=\"t\\nX waits for S\"];\n"
        "  \"2\" -> \"1\" [label=\"t/k\\nX behind U\", style=dashed, color=red];\n"
        "}\n";
    CHECK(dot(graph, cycle).as<std::string>() == expected);
    CHECK_FALSE(contains(dot(graph), "red"));
    CHECK(contains(dot(cycle), "\"2\" -> \"1\""));
    CHECK_FALSE(contains(dot(cycle), "\"3\""));
}

TEST_CASE("the drawing does not depend on the order in which it was told") {
    CHECK(rc::check("reversed", [] {
        pairs waits = *some_waits();
        const bytes told = dot(graph_of(waits));
        std::reverse(waits.begin(), waits.end());
        RC_ASSERT(dot(graph_of(waits)) == told);
    }));
}

TEST_CASE("no text can break out of the drawing") {
    wait_graph graph;
    wait_node odd = node(1);
    odd.label = "a\"]; b [x=\"";
    graph.add_node(odd);
    graph.add_node(node(2));
    graph.add_edge(edge(1, 2, bytes_view{"\"q\" \\n &lt; \0\xff\n", 15}));
    graph.add_edge(edge(2, 1, "ends with \\"));
    const bytes text = dot(graph);
    CHECK(contains(text, "a\\\"]; b [x=\\\""));
    CHECK(contains(text, "\"\\\"q\\\" \\\\n &amp;lt; \\\\x00\\\\xff\\\\x0a\\n"));
    CHECK(contains(text, "ends with \\\\\\nX"));

    if (std::system("command -v dot > /dev/null 2>&1") != 0) return;  // Graphviz is not here
    std::FILE* const drawing = ::popen("dot -Tsvg > /dev/null", "w");
    REQUIRE(drawing != nullptr);
    CHECK(std::fwrite(text.data(), 1, text.size(), drawing) == text.size());
    CHECK(::pclose(drawing) == 0);
}

TEST_CASE("what was removed is not drawn") {
    wait_graph graph = graph_of({{1, 2}, {2, 1}, {2, 3}});
    CHECK(contains(dot(graph), "\"2\""));
    CHECK(graph.remove(2));
    CHECK_FALSE(contains(dot(graph), "\"2\""));
}

TEST_CASE("an owner that runs is drawn once, however many wait for it") {
    const bytes text = dot(graph_of({{1, 3}, {2, 3}}));
    const std::string drawn = text.as<std::string>();
    const std::string ellipse = "\"3\" [shape=ellipse]";
    REQUIRE(contains(text, ellipse.c_str()));
    CHECK(drawn.find(ellipse) == drawn.rfind(ellipse));
}

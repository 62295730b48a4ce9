// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated/disk.hpp>

#include <set>
#include <string>

using namespace mantis;

namespace {

std::string text_of(const simulated_contents& of) {
    std::string text(static_cast<std::size_t>(of.size()), '?');
    (void)of.read(0, reinterpret_cast<std::byte*>(text.data()), text.size());
    return text;
}
std::string text_of(const simulated_folder& in, const char* name) {
    const auto file = in.find(name);
    return file ? text_of(*file) : "none";
}
std::string names_of(const simulated_folder& in) {
    std::string names;
    for (const auto& entry : in.entries()) names += entry.name.as<std::string>() + " ";
    return names;
}

}  // namespace

TEST_CASE("a sync settles the changes made before it began, and no later ones") {
    seeded_random random{1};
    simulated_contents file;
    file.write(0, "one");
    const std::uint64_t begun = file.change_count();
    file.write(3, "two");
    file.settle(begun);
    CHECK(text_of(file) == "onetwo");
    file.settle(begun);
    file.crash(crash_mode::drop_unsynced, random);
    CHECK(text_of(file) == "one");
}

TEST_CASE("settling late does not undo what a later sync settled") {
    seeded_random random{1};
    simulated_contents file;
    file.write(0, "old");
    const std::uint64_t early = file.change_count();
    file.write(0, "new");
    file.settle(file.change_count());
    file.settle(early);
    file.crash(crash_mode::drop_unsynced, random);
    CHECK(text_of(file) == "new");
}

TEST_CASE("a failed sync keeps what it had to settle, forgets it, or takes it back") {
    seeded_random random{1};
    const auto after = [&random](failed_sync how) {
        simulated_contents file;
        file.write(0, "old");
        file.settle(file.change_count());
        file.write(0, "new");
        const std::uint64_t begun = file.change_count();
        file.write(3, " later");
        file.fail_to_settle(begun, how);
        const std::string seen = text_of(file);
        file.settle(file.change_count());
        file.crash(crash_mode::drop_unsynced, random);
        return seen + " | " + text_of(file);
    };
    CHECK(after(failed_sync::keeps) == "new later | new later");
    CHECK(after(failed_sync::forgets) == "new later | old later");
    CHECK(after(failed_sync::reverts) == "old later | old later");
}

TEST_CASE("a process that ends takes its lock with it and nothing else") {
    seeded_random random{1};
    simulated_folder folder;
    folder.create("file")->write(0, "unsynced");
    folder.lock_holder = 7;
    folder.crash(crash_mode::process_only, random);
    CHECK(folder.lock_holder == 0);
    CHECK(text_of(folder, "file") == "unsynced");
    folder.crash(crash_mode::drop_unsynced, random);
    CHECK(text_of(folder, "file") == "none");
}

TEST_CASE("cuts and extensions are lost like writes") {
    seeded_random random{1};
    simulated_contents file;
    file.write(0, "contents");
    file.settle(file.change_count());
    file.resize(3);
    file.resize(5);
    CHECK(text_of(file) == std::string("con\0\0", 5));
    file.crash(crash_mode::drop_unsynced, random);
    CHECK(text_of(file) == "contents");
}

TEST_CASE("an unsynced write is kept, lost or torn between sectors, and nothing else changes") {
    const std::string before(2'048, 'o');
    int whole = 0;
    int none = 0;
    int torn = 0;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        seeded_random random{seed};
        simulated_contents file;
        file.write(0, before);
        file.settle(file.change_count());
        file.write(100, std::string(1'500, 'n'));
        file.crash(crash_mode::random_subset, random);
        const std::string after = text_of(file);
        REQUIRE(after.size() == before.size());
        std::set<std::string> pieces;
        for (const auto& [from, to] :
             {std::pair{100, 512}, {512, 1024}, {1024, 1536}, {1536, 1600}}) {
            const std::string piece =
                after.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from));
            CHECK(piece == std::string(piece.size(), piece[0]));
            pieces.insert(piece.substr(0, 1));
        }
        CHECK(after.substr(0, 100) == before.substr(0, 100));
        CHECK(after.substr(1'600) == before.substr(1'600));
        if (pieces.size() == 2) ++torn;
        else if (pieces.count("n") == 1) ++whole;
        else ++none;
    }
    CHECK(whole > 20);
    CHECK(none > 20);
    CHECK(torn > 20);
}

TEST_CASE("unsynced writes survive in any order, and a file may grow without its bytes") {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
        seeded_random random{seed};
        simulated_contents file;
        file.write(0, "a");
        file.write(1, "b");
        file.crash(crash_mode::random_subset, random);
        seen.insert(text_of(file));
    }
    for (const std::string& possible :
         {std::string{}, std::string{"a"}, std::string{"ab"}, std::string("\0b", 2),
          std::string("a\0", 2), std::string("\0\0", 2), std::string("\0", 1)}) {
        CAPTURE(possible.size());
        CHECK(seen.count(possible) == 1);
    }
}

TEST_CASE("space that was never written shows zeros, noise, or bytes that were here or elsewhere") {
    const std::string front(512, 'f');
    const std::string former(512, 'o');
    int zeros = 0;
    int noise = 0;
    int copied = 0;
    int earlier = 0;
    for (std::uint64_t seed = 0; seed < 4'000; ++seed) {
        seeded_random random{seed};
        simulated_contents file;
        file.write(0, front + former);
        file.resize(512);
        file.settle(file.change_count());
        file.write(512, std::string(512, 'n'));
        file.crash(crash_mode::random_subset, random);
        const std::string after = text_of(file);
        CHECK(after.substr(0, 512) == front);
        if (after.size() != 1024) continue;
        const std::string new_space = after.substr(512);
        zeros += new_space == std::string(512, '\0') ? 1 : 0;
        copied += new_space == front ? 1 : 0;
        earlier += new_space == former ? 1 : 0;
        noise += std::set<char>(new_space.begin(), new_space.end()).size() > 100 ? 1 : 0;
    }
    CHECK(zeros > 20);
    CHECK(noise > 20);
    CHECK(copied > 20);
    CHECK(earlier > 20);
}

TEST_CASE("a write is torn only where sectors meet, whatever their size") {
    for (const std::uint64_t sector : {std::uint64_t{512}, std::uint64_t{4096}}) {
        std::set<std::size_t> cuts;
        for (std::uint64_t seed = 0; seed < 400; ++seed) {
            seeded_random random{seed};
            simulated_contents file;
            file.write(0, std::string(16'384, 'o'));
            file.settle(file.change_count());
            file.write(100, std::string(16'000, 'n'));
            file.crash(crash_mode::random_subset, random, sector);
            const std::string after = text_of(file);
            for (std::size_t at = 101; at < 16'100; ++at)
                if (after[at] != after[at - 1]) cuts.insert(at);
        }
        CHECK(cuts.size() == 16'384 / sector - 1);
        for (const std::size_t cut : cuts) CHECK(cut % sector == 0);
    }
}

TEST_CASE("a bit that turns does so in what programs see and on the platters") {
    seeded_random random{1};
    simulated_contents file;
    file.write(0, "settled");
    file.settle(file.change_count());
    file.write(7, " and not");
    file.flip(0, 5);
    file.flip(8, 5);
    CHECK(text_of(file) == "Settled And not");
    file.crash(crash_mode::drop_unsynced, random);
    CHECK(text_of(file) == "Settled");
}

TEST_CASE("the former bytes are those before the last write or cut") {
    simulated_contents file;
    const auto former = [&file] {
        std::string text = "......";
        file.read_former(0, reinterpret_cast<std::byte*>(text.data()), text.size());
        return text;
    };
    file.write(0, "first");
    CHECK(former() == "......");
    file.write(0, "again");
    CHECK(former() == "first.");
    file.resize(2);
    CHECK(former() == "fiain.");
}

TEST_CASE("a file without a name takes its space until its opener is gone") {
    simulated_disk disk;
    const auto in = disk.create("a");
    for (const char* const name : {"x", "y", "z"}) in->create(name)->write(0, "12345");
    const auto opened = in->find("x");
    opened->opener_count = 1;
    in->remove("x");
    in->remove("y");
    CHECK(disk.used_bytes() == 10);
    in->rename("z", "y");
    CHECK(disk.used_bytes() == 10);
    opened->opener_count = 0;
    CHECK(disk.used_bytes() == 5);
}

TEST_CASE("names made, renamed and removed are lost unless the directory was synced") {
    seeded_random random{1};
    simulated_folder in;
    in.create("kept")->write(0, "1");
    in.create("renamed")->write(0, "2");
    in.create("removed")->write(0, "3");
    for (const auto& entry : in.entries()) entry.node->settle(entry.node->change_count());
    in.settle(in.change_count());
    in.create("new")->settle(0);
    in.rename("renamed", "other");
    in.remove("removed");
    CHECK(names_of(in) == "kept new other ");
    in.crash(crash_mode::drop_unsynced, random);
    CHECK(names_of(in) == "kept removed renamed ");
    CHECK(text_of(in, "renamed") == "2");
    CHECK(text_of(in, "removed") == "3");
}

TEST_CASE("a synced name with unsynced contents is an empty file") {
    seeded_random random{1};
    simulated_folder in;
    in.create("x")->write(0, "lost");
    in.settle(in.change_count());
    in.crash(crash_mode::drop_unsynced, random);
    CHECK(text_of(in, "x").empty());
}

TEST_CASE("a rename over a file leaves one of the two whole") {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        seeded_random random{seed};
        simulated_folder in;
        for (const char* const name : {"x", "x.tmp"}) {
            const auto file = in.create(name);
            file->write(0, name);
            file->settle(file->change_count());
        }
        in.settle(in.change_count());
        in.rename("x.tmp", "x");
        in.crash(crash_mode::random_subset, random);
        seen.insert(names_of(in) + text_of(in, "x"));
    }
    CHECK(seen == std::set<std::string>{"x x.tmp x", "x x.tmp"});
}

TEST_CASE("a file never comes back under two names") {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        seeded_random random{seed};
        simulated_folder in;
        in.create("a")->write(0, "a");
        in.settle(in.change_count());
        in.rename("a", "b");
        in.rename("b", "c");
        in.rename("c", "d");
        in.crash(crash_mode::random_subset, random);
        CHECK(in.entries().size() == 1);
    }
}

TEST_CASE("directories come with those above them, under any spelling") {
    simulated_disk disk;
    const auto made = disk.create("a/b/c");
    CHECK(disk.find("./a//b/c/") == made);
    CHECK(disk.find("a/b"));
    CHECK(disk.find("a"));
    CHECK_FALSE(disk.find("b"));
    CHECK_FALSE(disk.find("/a"));
    const auto top = disk.create("/");
    CHECK(disk.find("//") == top);
    made->create("x")->write(0, "12345");
    CHECK(disk.used_bytes() == 5);
}

// SPDX-License-Identifier: BSL-1.0
//
// What mantis needs of the compiler and the machine, checked once and in a sentence each.
#pragma once

#include "version.hpp"

static_assert(__cplusplus >= 202002L, "mantis: compile as C++20 or later");
static_assert(sizeof(void*) == 8 && sizeof(unsigned long long) == 8,
              "mantis: needs a 64-bit machine");
static_assert(static_cast<unsigned char>(-1) == 255, "mantis: needs 8-bit bytes");

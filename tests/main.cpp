// SPDX-License-Identifier: BSL-1.0
//
// The one main function of all test programs; the cases are in the folders beside it.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

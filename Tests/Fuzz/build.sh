#!/usr/bin/env bash
# Builds one fuzz target with libFuzzer and the address sanitizer, with its modules and nothing else:
#   build.sh <target> <output>
# SwiftPM would instrument and build the whole package for it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly target=$1 output=$2
readonly work=.build/fuzz
readonly flags=(
    -O -parse-as-library -swift-version 6 -sanitize=fuzzer,address
    -enable-experimental-feature Lifetimes -enable-upcoming-feature ExistentialAny
    -enable-upcoming-feature MemberImportVisibility
    -I "$work" -Xcc "-fmodule-map-file=$work/CBytes.modulemap"
)

# The modules that a target needs, each behind those it imports.
case $target in
client-parser) modules=(Vocabulary/Model Vocabulary/Bytes Vocabulary/Subjects Formats/JSON Formats/NATSProtocol) ;;
configuration) modules=(Formats/ServerConfig) ;;
*)
    echo "there is no fuzz target '$target'" >&2
    exit 2
    ;;
esac

mkdir -p "$work"
shim=$PWD/Sources/Vocabulary/CBytes
printf 'module CBytes {\n    umbrella "%s"\n    export *\n}\n' "$shim/include" >"$work/CBytes.modulemap"
clang -O2 -c "$shim/crc32c.c" -I "$shim/include" -o "$work/CBytes.o"

objects=("$work/CBytes.o")
for module in "${modules[@]}"; do
    name=${module#*/}
    mapfile -t sources < <(find "Sources/$module" -name '*.swift' | sort)
    swiftc "${flags[@]}" -wmo -module-name "$name" -emit-module -emit-module-path "$work/$name.swiftmodule" \
        -c "${sources[@]}" -o "$work/$name.o"
    objects+=("$work/$name.o")
done
# The linker warns of the sanitizer's own symbols.
swiftc "${flags[@]}" -module-name Fuzz "Tests/Fuzz/Targets/$target.swift" "${objects[@]}" -o "$output" \
    2> >(grep -v 'Cannot export local symbol' >&2)

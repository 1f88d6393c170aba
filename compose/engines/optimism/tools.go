//go:build tools

// Package tools names the programs that this module is there for, so that `go mod` keeps their
// dependencies.
package tools

import (
	_ "github.com/ethereum-optimism/optimism/op-alt-da/cmd/daserver"
	_ "github.com/ethereum-optimism/optimism/op-batcher/cmd"
	_ "github.com/ethereum-optimism/optimism/op-challenger/cmd"
	_ "github.com/ethereum-optimism/optimism/op-node/cmd"
	_ "github.com/ethereum-optimism/optimism/op-proposer/cmd"
)

//go:build tools

// Package tools names the program that this module is there for, so that `go mod` keeps its
// dependencies.
package tools

import _ "github.com/ethereum/go-ethereum/cmd/geth"

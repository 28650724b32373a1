//go:build tools

// Package tools names the program that this module exists to build: kube-apiserver, as released.
package tools

import _ "k8s.io/kubernetes/cmd/kube-apiserver"

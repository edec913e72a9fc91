#!/bin/sh
# Pauses or restores functions one by one with the aws command line tool, as people do by hand.
#
#     loop.sh pause|restore FOLDER FUNCTION...
#
# What each function had is kept in a file of FOLDER. It is no model: run twice, `pause` overwrites what
# it saved; it knows nothing of provisioned concurrency or event sources.
set -eu

action=$1 folder=$2
shift 2

for function in "$@"; do
    case $action in
    pause)
        aws lambda get-function-concurrency --function-name "$function" \
            --query ReservedConcurrentExecutions --output text >"$folder/$function"
        aws lambda put-function-concurrency --function-name "$function" \
            --reserved-concurrent-executions 0 >/dev/null
        ;;
    restore)
        saved=$(cat "$folder/$function")
        if [ "$saved" = None ]; then
            aws lambda delete-function-concurrency --function-name "$function"
        else
            aws lambda put-function-concurrency --function-name "$function" \
                --reserved-concurrent-executions "$saved" >/dev/null
        fi
        ;;
    esac
done

export default {
    tabs: 'Parts of the job',
    clone: 'Clone',
    hidden: 'not for you to see',
    missing: {
        title: 'There is no such job for you',
        text: 'It may belong to a virtual cluster that you are not in, or the id may be mistyped.',
    },
    position: 'Position',
    seeQueue: 'See the queue',
    blockers: 'In the way',
    heldBy: '1 job that holds devices | {count} jobs that hold devices',
    seeCluster: 'See who holds what',
    change: {
        title: 'What would change that',
        queued: 'The scheduler looks at it in a moment.',
        waiting_for_devices:
            'It starts once {devices} {type} are free on one node; at most {free} are now. A higher priority moves it forward, and fewer devices fit sooner.',
        waiting_for_cpus:
            'It starts once {cpus} cpus are free on one node. A higher priority moves it forward, and fewer cpus fit sooner.',
        waiting_for_memory:
            'It starts once {memory} MiB are free on one node. A higher priority moves it forward, and less memory fits sooner.',
        waiting_for_turn: 'Nothing to do: it starts by itself, or after the job that the room is kept for.',
        making_room: 'Nothing to do: it starts when they have stopped.',
        node_busy: 'Nothing to do: it is tried again within a minute.',
        node_silent: 'A report of the node. If the node is gone for good, an operator can forget it.',
        held_until: 'Nothing to do: it is tried again by itself.',
        no_nodes: 'An operator has to start an executor.',
        no_such_device: 'Kill it and submit it for a device type that is there, or ask for a node with {type}.',
        no_node_fits: 'Kill it and submit it smaller.',
        starting: 'Nothing to do: it is being started.',
        preempting: 'Nothing to do: it is queued again by itself. A higher priority keeps its place the next time.',
        preempted: 'It starts again once there is room. A higher priority moves it forward.',
        paused: 'Resume it, and it is queued again.',
    },
    failure: {
        title: 'Why it failed',
        exitCode: 'exit code {code}',
        lines: 'The last lines of its console',
        silent: 'It has written nothing to its console.',
        console: 'The whole console',
    },
} as const

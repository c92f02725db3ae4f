using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace RftService.Grading.Sandbox;

/// <summary>
/// One sandboxed process and the thread that talks to it. The process lives from request to request; the thread must live as long as the
/// process, because the kernel kills a process started with --die-with-parent when the thread that started it ends.
/// </summary>
internal sealed class SandboxWorker
{
    private const int LongestError = 2000;

    private static readonly TimeSpan TakeLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(20);

    private readonly SandboxCommand _command;
    private readonly SandboxProgram _program;
    private readonly object _mail = new(); // the next job, or the end
    private readonly Lock _gate = new(); // deadline and process: the watchdog kills from another thread
    private byte[] _buffer = new byte[8192]; // grows up to the longest answer
    private byte[] _line = [];
    private int _filled;
    private Job? _job;
    private Process? _process;
    private long _deadline = long.MaxValue;
    private bool _late;
    private volatile bool _closing;

    public SandboxWorker(SandboxCommand command, SandboxProgram program)
    {
        (_command, _program) = (command, program);
        new Thread(Work) { IsBackground = true, Name = "sandbox", Priority = ThreadPriority.Normal }.Start();
    }

    /// <summary>The program that it works for.</summary>
    public SandboxProgram Program => _program;

    /// <summary>When it was last used, in Stopwatch ticks; guarded by the sandbox's lock.</summary>
    public long LastUsed { get; set; }

    /// <summary>Starts the process, unless it runs, and waits until the program is loaded.</summary>
    public Task<SandboxReply> StartAsync() => AskAsync(null, StartLimit);

    /// <summary>Sends one request; one at a time.</summary>
    public Task<SandboxReply> AskAsync(Func<string, byte[]>? request, TimeSpan limit)
    {
        var job = new Job(request, limit, new TaskCompletionSource<SandboxReply>(TaskCreationOptions.RunContinuationsAsynchronously));
        lock (_mail)
        {
            _job = job;
            Monitor.Pulse(_mail);
        }

        return job.Done.Task;
    }

    /// <summary>Kills the process when its time is over, however it hangs.</summary>
    public void KillIfLate(long now)
    {
        lock (_gate)
        {
            if (now > _deadline)
            {
                _late = true;
                _deadline = long.MaxValue;
                Kill();
            }
        }
    }

    /// <summary>Makes the running request late now.</summary>
    public void GiveUp()
    {
        lock (_gate)
        {
            _deadline = _deadline == long.MaxValue ? long.MaxValue : 0;
        }
    }

    /// <summary>Ends the process and the thread.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closing = true;
            Kill();
        }

        lock (_mail)
        {
            Monitor.Pulse(_mail);
        }
    }

    private void Work()
    {
        while (NextJob() is { } job)
        {
            SandboxReply reply;
            try
            {
                reply = Answer(job);
            }
#pragma warning disable CA1031 // Whatever fails here must cost one grade and no process of the service.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                Discard();
                reply = SandboxReply.Without(SandboxEnd.NotStarted, fault.Message);
            }

            job.Done.SetResult(reply);
            if (_process is null && !_closing && reply.End is not (SandboxEnd.NotStarted or SandboxEnd.Unloadable))
            {
                Start(); // the next request finds it warm; a fault shows there
            }
        }

        Discard();
    }

    // Null at the end; a job that was sent before is answered, if only with the fault that the process is gone.
    private Job? NextJob()
    {
        lock (_mail)
        {
            while (_job is null && !_closing)
            {
                Monitor.Wait(_mail);
            }

            (var job, _job) = (_job, null);
            return job;
        }
    }

    private SandboxReply Answer(Job job)
    {
        // Unguessable, so that an answer written ahead belongs to no request.
        var id = Guid.NewGuid().ToString("N");
        if (Deliver(job.Request?.Invoke(id), id) is { } undelivered)
        {
            return undelivered;
        }

        if (job.Request is null)
        {
            return new SandboxReply(SandboxEnd.Answered, default);
        }

        var reply = Exchange(null, job.Limit);
        if (_filled > 0 && reply.End == SandboxEnd.Answered)
        {
            reply = SandboxReply.Without(SandboxEnd.Died, "More than one answer came.");
        }

        if (reply.End != SandboxEnd.Answered)
        {
            Discard();
            return reply;
        }

        if (!reply.Body.TryGetProperty("id", out var answered) || answered.ValueKind != JsonValueKind.String || answered.GetString() != id)
        {
            Discard();
            return SandboxReply.Without(SandboxEnd.Died, "The answer belongs to no request.");
        }

        if (!reply.Body.TryGetProperty("stale", out var stale) || stale.ValueKind != JsonValueKind.False)
        {
            Discard(); // the code failed, or left threads, processes or files: the next sample gets a fresh process
        }

        return reply;
    }

    // Null when a process has taken the request. One that is still busy with an answer that it gave too early, or that has ended since,
    // is replaced: the fault belongs to an earlier sample.
    private SandboxReply? Deliver(byte[]? request, string id)
    {
        for (var attempt = 0; attempt < 2; attempt++)
        {
            if (_process is { HasExited: true })
            {
                Discard();
            }

            if (_process is null && Start() is { } fault)
            {
                return fault;
            }

            if (request is null)
            {
                return null;
            }

            var taken = Exchange(request, TakeLimit);
            if (taken.End == SandboxEnd.Answered && taken.Body.TryGetProperty("got", out var got) && got.ValueKind == JsonValueKind.String && got.GetString() == id)
            {
                return null;
            }

            Discard();
        }

        return SandboxReply.Without(SandboxEnd.Died, "The process takes no request.");
    }

    // Null when the process runs and has loaded the program.
    private SandboxReply? Start()
    {
        Process process;
        try
        {
            process = Process.Start(_command.For(_program.Language)) ?? throw new InvalidOperationException("No process was made.");
        }
        catch (System.ComponentModel.Win32Exception fault)
        {
            return SandboxReply.Without(SandboxEnd.NotStarted, fault.Message);
        }

        lock (_gate)
        {
            _process = process;
            if (_closing)
            {
                Kill();
            }
        }

        var hello = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string> { ["source"] = _program.Source });
        var reply = Exchange(hello, StartLimit);
        if (reply.End == SandboxEnd.Answered && reply.Body.TryGetProperty("ready", out _))
        {
            return null;
        }

        var unloadable = reply.End == SandboxEnd.Answered && reply.Body.TryGetProperty("unloadable", out var fault1) && fault1.ValueKind == JsonValueKind.String
            ? SandboxReply.Without(SandboxEnd.Unloadable, fault1.GetString()!)
            : reply.End == SandboxEnd.TimedOut
                ? SandboxReply.Without(SandboxEnd.Unloadable, $"The source did not load in {StartLimit.TotalSeconds:0} s.")
                : SandboxReply.Without(SandboxEnd.NotStarted, ErrorsOf(process) is { Length: > 0 } errors ? errors : "The process ended while it loaded the source.");
        Discard();
        return unloadable;
    }

    // Sends a line, if there is one, and reads one.
    private SandboxReply Exchange(byte[]? request, TimeSpan limit)
    {
        var process = _process!;
        lock (_gate)
        {
            _late = false;
            _deadline = _closing ? 0 : Stopwatch.GetTimestamp() + (long)(limit.TotalSeconds * Stopwatch.Frequency);
        }

        var length = 0;
        bool whole = false, died = false;
        try
        {
            if (request is not null)
            {
                var input = process.StandardInput.BaseStream;
                input.Write(request);
                input.Write("\n"u8);
                input.Flush();
            }

            (length, whole) = ReadLine(process.StandardOutput.BaseStream);
        }
        catch (IOException)
        {
            died = true; // the pipe broke: the process is gone
        }

        bool late;
        lock (_gate)
        {
            _deadline = long.MaxValue;
            late = _late;
        }

        // What came after the deadline does not count, even when it came whole.
        return (late, whole, died || length < _program.LongestAnswer) switch
        {
            (true, _, _) => SandboxReply.Without(SandboxEnd.TimedOut, FormattableString.Invariant($"No answer within {limit.TotalSeconds:0.###} s.")),
            (_, true, _) => Parse(_line),
            (_, _, false) => SandboxReply.Without(SandboxEnd.Flooded, $"The answer is longer than {_program.LongestAnswer} bytes."),
            _ => SandboxReply.Without(SandboxEnd.Died, "The process ended without an answer."),
        };
    }

    private (int Length, bool Whole) ReadLine(Stream output)
    {
        var searched = 0;
        while (true)
        {
            var end = Array.IndexOf(_buffer, (byte)'\n', searched, _filled - searched);
            if (end >= 0)
            {
                _line = _buffer[..end];
                _filled -= end + 1;
                Array.Copy(_buffer, end + 1, _buffer, 0, _filled); // the line behind it has begun
                return (end, true);
            }

            searched = _filled;
            if (_filled == _buffer.Length)
            {
                if (_filled >= _program.LongestAnswer)
                {
                    return (_filled, false);
                }

                Array.Resize(ref _buffer, Math.Min(_program.LongestAnswer, _filled * 2));
            }

            var read = output.Read(_buffer, _filled, _buffer.Length - _filled);
            if (read == 0)
            {
                return (searched, false);
            }

            _filled += read;
        }
    }

    private static SandboxReply Parse(byte[] line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return document.RootElement.ValueKind == JsonValueKind.Object && JsonText.CompletionJson.IsText(document.RootElement)
                ? new SandboxReply(SandboxEnd.Answered, document.RootElement.Clone())
                : SandboxReply.Without(SandboxEnd.Died, "The answer is no JSON object.");
        }
        catch (JsonException)
        {
            return SandboxReply.Without(SandboxEnd.Died, "The answer is no JSON.");
        }
    }

    private static string ErrorsOf(Process process)
    {
        process.Kill();
        var errors = new byte[LongestError];
        var length = process.StandardError.BaseStream.ReadAtLeast(errors, errors.Length, throwOnEndOfStream: false);
        return Encoding.UTF8.GetString(errors, 0, length).Trim();
    }

    private void Discard()
    {
        Process? process;
        lock (_gate)
        {
            Kill();
            (process, _process, _filled) = (_process, null, 0);
        }

        process?.Dispose();
    }

    // Killing bwrap kills all that runs in it: its init dies with it, and with that the whole PID namespace.
    private void Kill()
    {
        try
        {
            _process?.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended already.
        }
    }

    private sealed record Job(Func<string, byte[]>? Request, TimeSpan Limit, TaskCompletionSource<SandboxReply> Done);
}
